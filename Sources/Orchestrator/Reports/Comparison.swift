import Audience

/// Two reports of runs side by side: what became worse, by more than a tolerance.
struct Comparison: Equatable, Sendable {
    /// A number of a run of which less is better.
    struct Metric: Equatable, Sendable {
        var name: String
        var unit: String
        /// A change below this is noise, however many percent it is.
        var floor: Double
        /// More than nothing is a regression, whatever the tolerance.
        var isStrict = false
    }

    struct Row: Equatable, Sendable {
        var metric: Metric
        var old: Double
        var new: Double
        var change: Change
    }

    enum Change: String, Equatable, Sendable {
        case same, better, worse
    }

    let rows: [Row]
    /// What differs between the runs that is no result: an apple and an orange can still be weighed.
    let notes: [String]

    /// - Parameter tolerance: part of the old value by which the new one may be larger, for instance 0.1.
    init(old: RunReport, new: RunReport, tolerance: Double) {
        rows = Comparison.metrics.compactMap { metric, value in
            guard let before = value(old), let after = value(new) else { return nil }
            let change = Comparison.change(from: before, to: after, metric, tolerance: tolerance)
            return Row(metric: metric, old: before, new: after, change: change)
        }
        notes = Comparison.differences(old, new)
    }

    var regressions: [Row] { rows.filter { $0.change == .worse } }

    static func change(from old: Double, to new: Double, _ metric: Metric, tolerance: Double) -> Change {
        if metric.isStrict { return new > old ? .worse : new < old ? .better : .same }
        guard abs(new - old) > metric.floor, abs(new - old) > abs(old) * tolerance else { return .same }
        return new > old ? .worse : .better
    }

    private static func differences(_ old: RunReport, _ new: RunReport) -> [String] {
        var notes: [String] = []
        func note(_ name: String, _ before: String, _ after: String) {
            if before != after { notes.append("\(name) differs: \(before) and \(after)") }
        }
        note("the command", old.command, new.command)
        note("the build", old.software.build, new.software.build)
        note("the processor", old.machine.processor, new.machine.processor)
        note("the number of cores", "\(old.machine.cores)", "\(new.machine.cores)")
        for (name, report) in [("old", old), ("new", new)] where report.verdict.status != .fine {
            notes.append("the \(name) run was not fine: \(report.verdict.reason)")
        }
        return notes
    }
}

extension Comparison {
    /// Each is `nil` for a run that did not come so far.
    private static var metrics: [(Metric, (RunReport) -> Double?)] {
        [
            (Metric(name: "lost", unit: "", floor: 0, isStrict: true), { $0.swarm.map { Double($0.delivery.lost) } }),
            (
                Metric(name: "repeated", unit: "", floor: 0, isStrict: true),
                { $0.swarm.map { Double($0.delivery.repeated) } }
            ),
            (
                Metric(name: "out of order", unit: "", floor: 0, isStrict: true),
                { $0.swarm.map { Double($0.delivery.reordered) } }
            ),
            (
                Metric(name: "viewers not connected", unit: "", floor: 0, isStrict: true),
                { Double($0.connections.failed) }
            ),
            (
                Metric(name: "comments dropped or failed", unit: "", floor: 5),
                { $0.swarm.map { Double($0.publishing.dropped + $0.publishing.failed) } }
            ),
            (Metric(name: "latency p50", unit: "ms", floor: 1), { $0.swarm?.latencyMilliseconds.p50 }),
            (Metric(name: "latency p99", unit: "ms", floor: 2), { $0.swarm?.latencyMilliseconds.p99 }),
            (
                Metric(name: "share of the channels on a Reader", unit: "%", floor: 1),
                { $0.spread.map { $0.meanShare * 100 } }
            ),
            (Metric(name: "weighted amplification", unit: "", floor: 0.05), { $0.spread?.weightedAmplification }),
            (Metric(name: "connecting", unit: "s", floor: 0.5), { $0.connections.seconds }),
            (Metric(name: "Readers' CPU per 1,000 deliveries", unit: "ms", floor: 0.5), readerCost),
            (
                Metric(name: "Redis's CPU while publishing", unit: "s", floor: 0.1),
                { $0.redis?.cpuSecondsWhilePublishing }
            ),
            (Metric(name: "Readers' memory", unit: "MiB", floor: 4), readerMemory),
        ]
    }

    private static func readerCost(_ report: RunReport) -> Double? {
        guard let delivered = report.swarm?.delivery.delivered, delivered > 0 else { return nil }
        return report.readers.reduce(0) { $0 + $1.usage.cpuSeconds } * 1_000_000 / Double(delivered)
    }

    private static func readerMemory(_ report: RunReport) -> Double? {
        guard !report.readers.isEmpty else { return nil }
        return Double(report.readers.reduce(0) { $0 + $1.usage.memoryPeakBytes }) / Double(1 << 20)
    }

    var table: TextTable {
        var table = TextTable([
            .init("less is better", .left), .init("old"), .init("new"), .init("change"), .init("", .left),
        ])
        for row in rows {
            let percent =
                row.old == 0 ? (row.new == 0 ? "0.0%" : "-") : Figure.percent((row.new - row.old) / abs(row.old))
            let unit = row.metric.unit.isEmpty ? "" : ", \(row.metric.unit)"
            table.add([
                row.metric.name + unit, Figure.decimal(row.old, 2), Figure.decimal(row.new, 2), percent,
                row.change == .same ? "" : row.change.rawValue,
            ])
        }
        return table
    }

    /// One sentence.
    var conclusion: String {
        let worse = regressions
        guard let first = worse.first else { return "Nothing became worse by more than the tolerance." }
        let others = worse.count > 1 ? ", and \(worse.count - 1) more" : ""
        return
            "Worse: \(first.metric.name), from \(Figure.decimal(first.old, 2)) to \(Figure.decimal(first.new, 2))\(others)."
    }
}
