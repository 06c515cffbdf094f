import Report
import Testbed

/// Measures the cells of a sweep one after the other, each with processes of its own.
struct SweepRunner: Sendable {
    let checkpoint: SweepCheckpoint
    let capacity: Capacity
    let binaries: Binaries
    private let progress = Progress()

    private var settings: SweepSettings { checkpoint.settings }

    /// Runs what is not finished yet, and writes the report after every cell.
    func run(_ base: Report) async throws -> Report {
        progress.step("seed \(settings.seed): \(settings.commandLine)")
        var result = SweepResult(settings: settings, base: base, limits: capacity.text)
        let cells = settings.cells
        let folder = ReportFolder(existing: checkpoint.folder)
        for (index, cell) in cells.enumerated() {
            let step = "[\(index + 1)/\(cells.count)] \(cell.name)"
            if let known = checkpoint.finished(cell) {
                progress.step("\(step): finished before")
                result.take(known, of: cell)
                continue
            }
            if let reason = ProcessPlan.problems(with: settings.run(cell), capacity).first {
                progress.step("\(step): left out: \(reason)")
                result.missing.append((cell, .doesNotFit, reason))
                continue
            }
            progress.step(step)
            let run = try await measure(cell, base)
            if run.verdict.status == .interrupted {
                for open in cells[index...] where checkpoint.finished(open) == nil {
                    result.missing.append((open, .open, "the sweep was interrupted"))
                }
                result.open = "interrupted; go on with --resume \(checkpoint.folder)"
                return result.report()
            }
            result.take(run, of: cell)
            try folder.write(result.report())
        }
        result.open = nil
        return result.report()
    }

    private func measure(_ cell: SweepCell, _ base: Report) async throws -> Report {
        let settings = settings.run(cell)
        let folder = try checkpoint.begin(cell)
        let own = Report(
            kind: "run", title: settings.title, command: settings.commandLine, environment: base.environment,
            startedAt: Report.now())
        // A sweep tells which cell it is in, and how that goes; its steps stand in the cell's report.
        let inside = Progress(showsSteps: false)
        let runner = ExperimentRunner(binaries: binaries, progress: inside)
        let result = RunResult(settings: settings, plan: ProcessPlan(settings, capacity), base: own)
        let report = await runner.run(result, in: folder)
        inside.clear()
        try folder.write(report)
        return report
    }
}
