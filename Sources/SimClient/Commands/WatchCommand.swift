internal import ArgumentParser
internal import Foundation
internal import Primitives
internal import Wire

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "One person: prints what arrives, and writes a comment now and then.",
        discussion: """
            Every option can be given by the environment instead: USER_ID, VIDEO_ID, READER_API_URLS, COMMENT_API_URL, \
            STATISTICS_API_URL, COMMENT_INTERVAL_SECONDS, COMMENT_COUNT. Exit codes: 0 fine, 64 bad arguments, 65 the \
            last comment did not come back, 69 no Reader or CommentAPI answers, 130 interrupted.
            """)

    @Option(help: "The person's id.") var user: String?
    @Option(help: "The video's id.") var video: String?
    @Option(help: "URLs of the Readers, separated by commas; one is taken at random.") var readers: String?
    @Option(name: .customLong("comment-api"), help: "URL of CommentAPI.") var commentAPI: String?
    @Option(name: .customLong("stats-api"), help: "URL of StatsAPI, for a report a second.") var statsAPI: String?
    @Option(help: "Seconds between two comments; 0 only watches. Default 5.") var interval: String?
    @Option(help: "Ends after so many comments.") var count: String?

    func run() async throws {
        let settings: WatchSettings
        do {
            settings = try read(environment: ProcessInfo.processInfo.environment)
        } catch {
            StandardError.write(error.description)
            throw ExitCode(ExitStatus.usage)
        }
        throw ExitCode(
            await Interruptible.run {
                let status = await WatchRun(settings, say: { StandardOutput.write($0) }).run()
                return status
            })
    }

    func read(environment: [String: String]) throws(SettingsProblems) -> WatchSettings {
        func text(_ option: String?, _ key: String) -> String? {
            option ?? environment[key].flatMap { $0.isEmpty ? nil : $0 }
        }
        var reader = ArgumentReader()
        let userid = reader.identifier("--user (USER_ID)", text(user, "USER_ID"))
        let videoid = reader.identifier("--video (VIDEO_ID)", text(video, "VIDEO_ID"))
        let readers = reader.endpoints("--readers (READER_API_URLS)", text(readers, "READER_API_URLS"))
        let comments = reader.endpoints("--comment-api (COMMENT_API_URL)", text(commentAPI, "COMMENT_API_URL"))
        let statistics = reader.endpointIfAny(
            "--stats-api (STATISTICS_API_URL)", text(statsAPI, "STATISTICS_API_URL"))
        let interval = reader.number(
            "--interval (COMMENT_INTERVAL_SECONDS)", text(interval, "COMMENT_INTERVAL_SECONDS") ?? "5", in: 0...86_400)
        let count = text(count, "COMMENT_COUNT").map {
            reader.integer("--count (COMMENT_COUNT)", $0, in: 1...1_000_000_000)
        }
        try reader.check()
        return WatchSettings(
            userid: userid, videoid: videoid, readers: readers, commentAPIs: comments, statistics: statistics,
            intervalSeconds: interval, count: count)
    }
}

extension ArgumentReader {
    /// An id as the services take it.
    mutating func identifier(_ name: String, _ text: String?) -> String {
        guard let text else {
            report(missing: name, expected: "1 to 128 characters of A-Z a-z 0-9 . _ - :")
            return ""
        }
        if !Identifier.isValid(text) { report(name, text, expected: "1 to 128 characters of A-Z a-z 0-9 . _ - :") }
        return text
    }
}
