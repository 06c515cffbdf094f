import Audience
import Foundation
import Placement

/// Measures the cells of a sweep one after the other, each with processes of its own.
struct SweepRunner: Sendable {
    let book: SweepBook
    let limits: SweepLimits
    let binaries: Binaries
    let progress: Progress

    /// Runs what is not finished yet, and writes the report after every cell.
    func run(software: Software) async throws -> SweepReport {
        var report = SweepReport(
            settings: book.settings, command: book.settings.commandLine, software: software, machine: .current(),
            limits: limits.text, startedAt: RunRecorder.now())
        let cells = book.settings.cells
        var worst = Verdict()
        for (index, cell) in cells.enumerated() {
            let step = "[\(index + 1)/\(cells.count)] \(cell.name)"
            if let known = book.finished(cell) {
                progress.step("\(step): finished before")
                worst.take(known.verdict)
                report.take(known, of: cell)
                continue
            }
            if let reason = limits.reason(against: book.settings.run(cell)) {
                progress.step("\(step): left out: \(reason)")
                report.missing.append(.init(cell: cell, kind: .doesNotFit, reason: reason))
                continue
            }
            progress.step(step)
            let run = try await measure(cell, software)
            if run.verdict.status == .interrupted {
                for open in cells[index...] where book.finished(open) == nil {
                    report.missing.append(.init(cell: open, kind: .open, reason: "the sweep was interrupted"))
                }
                report.finish(RunReport.Verdict(status: .interrupted, reason: "interrupted; go on with --resume"))
                return try written(report)
            }
            worst.take(run.verdict)
            report.take(run, of: cell)
            _ = try written(report)
        }
        report.finish(worst.verdict)
        return try written(report)
    }

    private func written(_ report: SweepReport) throws(Failure) -> SweepReport {
        try ReportFiles.write(report, to: book.folder)
        return report
    }

    private func measure(_ cell: SweepCell, _ software: Software) async throws(Failure) -> RunReport {
        let settings = book.settings.run(cell)
        let plan = ProcessPlan(settings, limits: limits.descriptors)
        let audience = try Audience.of(
            settings.audience, channels: settings.streams, viewers: settings.viewers, seed: settings.seed)
        let folders = try Folders(report: book.folder(of: cell))
        let recorder = RunRecorder(
            RunReport(
                settings: settings, plan: plan, command: settings.commandLine, software: software, machine: .current(),
                startedAt: RunRecorder.now()))
        // A sweep tells which cell it is in; what goes on inside stands in the cell's report.
        let scenario = CrowdRun(
            settings: settings, plan: plan, audience: audience, recorder: recorder,
            progress: Progress(isTerminal: false) { _ in }, folders: folders)
        let failure = await Failure.of {
            try await Laboratory.run(folders: folders, binaries: binaries) { try await scenario.run(in: $0) }
        }
        let report = recorder.finished(failure)
        try book.keep(report, of: cell)
        return report
    }

    /// The verdict of the sweep: that of the worst cell.
    private struct Verdict {
        private(set) var verdict = RunReport.Verdict(status: .fine, reason: "every cell was fine")

        mutating func take(_ cell: RunReport.Verdict) {
            guard cell.status != .fine, verdict.status == .fine else { return }
            verdict = cell
        }
    }
}

extension SweepReport {
    mutating func take(_ run: RunReport, of cell: SweepCell) {
        guard let result = SweepResult(cell, run) else {
            missing.append(.init(cell: cell, kind: .failed, reason: run.verdict.reason))
            return
        }
        cells.append(result)
        guard cell.audience == shown?.audience, cell.readers == shown?.readers, var map = run.map else { return }
        map.title = "Placement \(cell.placement.rawValue): \(cell.audience.name), \(cell.readers) Readers"
        maps.append(map)
    }

    mutating func finish(_ verdict: RunReport.Verdict) {
        finishedAt = RunRecorder.now()
        self.verdict = verdict
    }

    /// The audience and the number of Readers that the page looks at closely: those nearest to the reference run.
    var shown: SweepCell? {
        func nearest(_ numbers: [Int], to wanted: Double) -> Int? {
            numbers.min { abs(log2(Double($0) / wanted)) < abs(log2(Double($1) / wanted)) }
        }
        guard let streams = nearest(settings.streams, to: 100), let viewers = nearest(settings.viewers, to: 2_500),
            let readers = nearest(settings.readers, to: 5)
        else { return nil }
        return SweepCell(streams: streams, viewers: viewers, readers: readers, placement: .random)
    }
}

extension SweepCell {
    struct Audience: Hashable, Sendable {
        var streams: Int
        var viewers: Int

        var name: String { "\(Figure.grouped(streams)) streams, \(Figure.grouped(viewers)) viewers" }
    }

    var audience: Audience { Audience(streams: streams, viewers: viewers) }
}
