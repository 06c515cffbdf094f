import ArgumentParser
import Audience
import Placement
import Report
import Testbed

/// `Orchestrator sweep`: a grid of real runs, measured beside the model.
struct SweepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract: "A grid of runs: every number of streams, viewers and Readers under every placement.",
        discussion: """
            Each cell is a run of its own with real processes and sockets; placements of one audience see the same viewers. \
            Cells that do not fit on this machine are listed with the reason. The report is written after every cell; \
            --resume goes on with a sweep that was interrupted.

            Exit codes: 0 fine, 64 bad arguments, 65 an audit found a loss, 69 something needed is missing, 70 a process \
            died, 130 interrupted.
            """)

    @OptionGroup var arguments: SweepArguments
    @OptionGroup var report: ReportOptions
    @Option(help: "Folder of a sweep that was interrupted: its grid is finished.") var resume: String?
    @Option(help: ArgumentHelp("Folder of CommentAPI, ReaderAPI, StatsAPI and SimClient.", visibility: .hidden))
    var binaries: String?

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let limits = SweepLimits.ofThisMachine()
            let settings = try settings()
            let binaries = Binaries(directory: binaries)
            try binaries.check(own: Binaries.services)
            let thresholds = try report.limits(RunResult.wholeDefinitions)
            let (checkpoint, base) = try await checkpoint(settings, binaries)
            let progress = Progress()
            progress.step("seed \(checkpoint.settings.seed): \(checkpoint.settings.commandLine)")
            let runner = SweepRunner(checkpoint: checkpoint, limits: limits, binaries: binaries, progress: progress)
            let result = try await runner.run(base)
            return try report.finish(result, in: ReportFolder(existing: checkpoint.folder), thresholds)
        }
    }

    private func checkpoint(_ settings: SweepSettings?, _ binaries: Binaries) async throws -> (SweepCheckpoint, Report)
    {
        func begin(_ settings: SweepSettings) async -> Report {
            await .begin("sweep", "Sweep", command: settings.commandLine, directory: binaries.directory)
        }
        guard let settings else {
            let checkpoint = try SweepCheckpoint(resuming: resume ?? "")
            return (checkpoint, await begin(checkpoint.settings))
        }
        let base = await begin(settings)
        return (try SweepCheckpoint(new: settings, folder: try report.folder(for: base).path), base)
    }

    /// `nil` when a sweep goes on.
    private func settings() throws(Failure) -> SweepSettings? {
        guard resume != nil else { return try arguments.settings() }
        var typed = arguments.typed
        if report.out != nil { typed.append("--out") }
        guard typed.isEmpty else {
            throw .arguments(
                typed.map { "\($0): stands in the folder of the sweep already; leave it out beside --resume" })
        }
        return nil
    }
}
