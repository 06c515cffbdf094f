import ArgumentParser
import Options
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

    @OptionGroup var settings: SweepSettings
    @OptionGroup var report: ReportOptions
    @Option(help: "Folder of a sweep that was interrupted: its grid is finished.") var resume: String?
    @OptionGroup var binaries: BinariesOption

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            var earlier: SweepCheckpoint?
            if let resume { earlier = try goOn(resume) }
            let settings = try earlier?.settings ?? self.settings.checked()
            let binaries = try binaries.find(Binaries.services)
            let thresholds = try report.limits(RunResult.wholeDefinitions)
            let base = await Report.begin(
                "sweep", "Sweep", command: settings.commandLine, directory: binaries.directory)
            let checkpoint =
                try earlier ?? SweepCheckpoint(new: settings, folder: report.folder(for: base).path)
            let runner = SweepRunner(checkpoint: checkpoint, capacity: .ofThisMachine(), binaries: binaries)
            let result = try await runner.run(base)
            return try report.finish(result, in: ReportFolder(existing: checkpoint.folder), thresholds)
        }
    }

    private func goOn(_ path: String) throws(Failure) -> SweepCheckpoint {
        let typed = settings.typed + (report.out == nil ? [] : ["--out"])
        guard typed.isEmpty else {
            throw .arguments(
                typed.map { "\($0): stands in the folder of the sweep already; leave it out beside --resume" })
        }
        return try SweepCheckpoint(resuming: path)
    }
}
