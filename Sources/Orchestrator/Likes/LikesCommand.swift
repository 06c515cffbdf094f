import ArgumentParser
import Report
import Testbed

/// `Orchestrator likes`: one photo, very many distinct users, and three ways to count them.
struct LikesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "likes",
        abstract: "Let very many people like one photo, and compare Redis, PostgreSQL and the truth, user by user.",
        discussion: """
            Starts a private Redis and PostgreSQL, LikeAPIs, workers and a Reader with viewers of the photo. Every user \
            likes once; some take it back, some like again, some say it twice at once. At the end each user's like is \
            looked for in Redis and in PostgreSQL, and every viewer must have been told the exact count.

            Exit codes: 0 fine, 64 bad arguments, 65 something is not exact, 69 something needed is missing, 70 a process \
            died, 130 interrupted.
            """)

    @OptionGroup var arguments: LikesArguments
    @OptionGroup var report: ReportOptions
    @Option(help: ArgumentHelp("Folder of LikeAPI, ReaderAPI and SimClient.", visibility: .hidden))
    var binaries: String?

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let settings = try arguments.read(limits: .ofThisProcess())
            let thresholds = try report.limits(LikesResult.definitions)
            let runner = LikesRunner(binaries: Binaries(directory: binaries), progress: Progress())
            try runner.binaries.check(own: ["LikeAPI", "ReaderAPI", "SimClient"], postgres: true)
            let (result, folder) = try await runner.run(nil, settings, folder: report.folder)
            return try report.finish(result, in: folder, thresholds)
        }
    }
}
