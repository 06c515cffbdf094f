internal import ArgumentParser
internal import Options
internal import Primitives
internal import Wire

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "One person: prints what arrives, and writes a comment now and then.",
        discussion: """
            Every option can be given by the environment instead: \(variables.map(\.0).joined(separator: ", ")). \
            Exit codes: 0 fine, 64 bad arguments, 65 the last comment did not come back, 69 no Reader or CommentAPI \
            answers, 130 interrupted.
            """)

    private static let variables = [
        ("USER_ID", "--user"), ("VIDEO_ID", "--video"), ("READER_API_URLS", "--readers"),
        ("VIEWER_TRANSPORT", "--transport"),
        ("COMMENT_API_URL", "--comment-api"), ("STATISTICS_API_URL", "--stats-api"),
        ("COMMENT_INTERVAL_SECONDS", "--interval"), ("COMMENT_COUNT", "--count"),
    ]

    @Option(help: "The person's id.", transform: optional(identifier())) @Checked var user: String? = nil
    @Option(help: "The video's id.", transform: optional(identifier())) @Checked var video: String? = nil
    @Option(help: "URLs of the Readers, separated by commas; one is taken at random.", transform: urls)
    @Checked var readers: [Endpoint] = []
    @Option(help: "URL of CommentAPI.", transform: urls) @Checked var commentAPI: [Endpoint] = []
    @Option(help: "URL of StatsAPI, for a report a second.", transform: urls) @Checked var statsAPI: [Endpoint] = []
    @Option(help: .init(ViewerTransport.described), transform: oneOf(ViewerTransport.stream))
    @Checked var transport = ViewerTransport.stream
    @Option(help: "Seconds between two comments; 0 only watches.", transform: within(0...86_400.0))
    @Checked var interval = 5.0
    @Option(help: "Ends after so many comments.", transform: optional(within(1...1_000_000_000)))
    @Checked var count: Int? = nil

    /// The arguments of the program, with those of `watch` from the environment in front: what comes later counts.
    static func arguments(_ arguments: [String], environment: [String: String]) -> [String] {
        guard arguments.first == configuration.commandName else { return arguments }
        let given = variables.flatMap { variable, option in
            environment[variable].flatMap { $0.isEmpty ? nil : ["\(option)=\($0)"] } ?? []
        }
        return [arguments[0]] + given + arguments.dropFirst()
    }

    func validate() throws {
        try Self.refuse(
            refusals + missing(user == nil, "--user", Identifier.expected, or: "USER_ID")
                + missing(video == nil, "--video", Identifier.expected, or: "VIDEO_ID")
                + missing(readers.isEmpty, "--readers", or: "READER_API_URLS")
                + missing(commentAPI.isEmpty, "--comment-api", or: "COMMENT_API_URL"))
    }

    func run() async throws {
        throw await Generator.runUntilSignal { await WatchRun(self, say: { StandardOutput.write($0) }).run() }
    }
}
