import ArgumentParser
import Audience
import Placement
import Report

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

    @Option(parsing: .unconditional, help: "Numbers of streams (10,100,1000).") var streams: String?
    @Option(parsing: .unconditional, help: "Numbers of viewers (250,2500).") var viewers: String?
    @Option(parsing: .unconditional, help: "Numbers of Readers: 3,5,10 or 3..5 (3,5,10).") var readers: String?
    @Option(parsing: .unconditional, help: "reference, uniform, zipf:<exponent>, flash or flash:<share> (reference).")
    var audience: String?
    @Option(parsing: .unconditional, help: "Placements, separated by commas (random,overflow).") var placement: String?
    @Option(parsing: .unconditional, help: "The same seed makes the same audiences, 0 to 2^64-1.") var seed: String?
    @Option(parsing: .unconditional, help: "Comments per second in each cell, 0.1 to 100,000 (50).") var rate: String?
    @Option(parsing: .unconditional, help: "Seconds of publishing in each cell, 1 to 3,600 (5).") var duration: String?
    @OptionGroup var report: ReportOptions
    @Option(help: "Folder of a sweep that was interrupted: its grid is finished.") var resume: String?
    @Option(help: ArgumentHelp("Folder of CommentAPI, ReaderAPI, StatsAPI and SimClient.", visibility: .hidden))
    var binaries: String?

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let limits = SweepLimits.ofThisMachine()
            let settings = try arguments()
            let binaries = Binaries(directory: binaries)
            try binaries.checkServices()
            let thresholds = try report.limits(RunResult.metrics.definitions)
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
    private func arguments() throws(Failure) -> SweepSettings? {
        let arguments = SweepArguments(
            streams: streams, viewers: viewers, readers: readers, audience: audience, placement: placement, seed: seed,
            rate: rate, duration: duration)
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

extension Binaries {
    /// All that a run needs and is missing, before anything is started.
    func checkServices() throws(Failure) {
        var missing: [String] = []
        func note(_ find: () throws(Failure) -> String) {
            do throws(Failure) { _ = try find() } catch { missing.append(error.description) }
        }
        note { () throws(Failure) in try system("redis-server", package: "redis-server") }
        for name in ["StatsAPI", "CommentAPI", "ReaderAPI", "SimClient"] {
            note { () throws(Failure) in try own(name) }
        }
        guard missing.isEmpty else { throw .missing(missing.joined(separator: "\n")) }
    }
}
