import ArgumentParser
import Report

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

    @Option(parsing: .unconditional, help: "Distinct users, 1 to 10,000,000 (1,000,000).") var users: String?
    @Option(parsing: .unconditional, help: "The photo's id (p1).") var photo: String?
    @Option(parsing: .unconditional, help: "Part of the users who take it back, 0 to 1 (0.1).") var unlikeShare: String?
    @Option(parsing: .unconditional, help: "Part of what is said twice at once, 0 to 1 (0.1).")
    var duplicateShare: String?
    @Option(parsing: .unconditional, help: "Requests at the same time, 1 to 4,096 (64).") var connections: String?
    @Option(parsing: .unconditional, help: "LikeAPI processes, 1 to 16 (2).") var likeApis: String?
    @Option(parsing: .unconditional, help: "Worker processes, 1 to 16 (1).") var workers: String?
    @Option(parsing: .unconditional, help: "Reader processes, 1 to 20 (1).") var readers: String?
    @Option(parsing: .unconditional, help: "Viewers of the photo, 0 to 100,000 (200).") var viewers: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same users, 0 to 2^64-1.") var seed: String?
    @OptionGroup var report: ReportOptions
    @Option(help: ArgumentHelp("Folder of LikeAPI, ReaderAPI and SimClient.", visibility: .hidden))
    var binaries: String?

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let settings = try LikesArguments(
                users: users, photo: photo, unlikeShare: unlikeShare, duplicateShare: duplicateShare,
                connections: connections, likeAPIs: likeApis, workers: workers, readers: readers, viewers: viewers,
                seed: seed
            ).read(limits: .ofThisProcess())
            let thresholds = try report.limits(LikesResult.definitions)
            let runner = LikesRunner(binaries: Binaries(directory: binaries), progress: Progress())
            try runner.binaries.check(own: ["LikeAPI", "ReaderAPI", "SimClient"], postgres: true)
            let (result, folder) = try await runner.run(nil, settings, folder: report.folder)
            return try report.finish(result, in: folder, thresholds)
        }
    }
}
