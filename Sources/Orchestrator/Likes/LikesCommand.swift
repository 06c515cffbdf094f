import ArgumentParser
import Options
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

    @OptionGroup var settings: LikesSettings
    @OptionGroup var report: ReportOptions
    @OptionGroup var binaries: BinariesOption

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let settings = try settings.checked(.ofThisMachine())
            let thresholds = try report.limits(LikesResult.definitions)
            let binaries = try binaries.find(["LikeAPI", "ReaderAPI", "SimClient"], postgres: true)
            let base = await Report.begin(
                "likes", "Likes", command: settings.commandLine("likes"), directory: binaries.directory)
            return try await report.measure(
                LikesResult(drill: nil, settings: settings, base: base),
                ExperimentRunner(binaries: binaries, progress: Progress()), thresholds)
        }
    }
}
