/// Two reports side by side: what became worse, by more than a tolerance.
public struct Comparison: Equatable, Sendable {
    public struct Row: Equatable, Sendable {
        /// With the old value.
        public var metric: Metric
        /// `nil` when it was not measured any more.
        public var new: Double?
        public var change: Change
    }

    public enum Change: String, Equatable, Sendable {
        case same, better, worse, missing
    }

    public let rows: [Row]
    /// What differs between the runs that is no result: an apple and an orange can still be weighed.
    public let notes: [String]
    /// Why the new run cannot pass, whatever its numbers are; `nil` when its verdict was good.
    public let failure: String?

    /// - Parameter tolerance: part of the old value by which the new one may be worse, for instance 0.1.
    /// - Throws: ``ReportError/invalid(_:)`` for reports of two kinds.
    public init(old: Report, new: Report, tolerance: Double) throws(ReportError) {
        guard old.kind == new.kind else {
            throw .invalid("the reports must be of one kind; they are of \(old.kind) and \(new.kind)")
        }
        let values = Dictionary(new.metrics.map { ($0.id, $0.value) }) { first, _ in first }
        rows = old.metrics.filter { $0.direction != .neutral }.map { metric in
            let after = values[metric.id]
            let change = after.map { Comparison.change(metric, to: $0, tolerance: tolerance) } ?? .missing
            return Row(metric: metric, new: after, change: change)
        }
        failure = new.verdict.status == .fine ? nil : new.verdict.reason
        notes = Comparison.differences(old, new)
    }

    public var regressions: [Row] { rows.filter { $0.change == .worse || $0.change == .missing } }
    /// Nothing became worse, nothing is missing, and the new run was good.
    public var passed: Bool { regressions.isEmpty && failure == nil }

    static func change(_ metric: Metric, to new: Double, tolerance: Double) -> Change {
        let difference = new - metric.value
        let isNoise = abs(difference) <= metric.minimumDelta || abs(difference) <= abs(metric.value) * tolerance
        if difference == 0 || isNoise && !metric.isStrict { return .same }
        return (difference > 0) == metric.higherIsBetter ? .better : .worse
    }

    private static func differences(_ old: Report, _ new: Report) -> [String] {
        let (before, after) = (circumstances(old), circumstances(new))
        var notes: [String] = []
        for name in before.map(\.name) + after.map(\.name) where !notes.contains(where: { $0.hasPrefix(name + " ") }) {
            let (first, second) = (before.first { $0.name == name }?.value, after.first { $0.name == name }?.value)
            if first != second { notes.append("\(name) differs: \(first ?? "none") and \(second ?? "none")") }
        }
        if old.verdict.status != .fine { notes.append("the old run was not fine: \(old.verdict.reason)") }
        return notes
    }

    private static func circumstances(_ report: Report) -> [(name: String, value: String)] {
        report.parameters.map { ($0.name == "command" ? "the command" : "--" + $0.name, $0.value) }
            + report.environment.circumstances
    }
}

extension Comparison {
    /// One sentence, or two.
    public var summary: String {
        let failed = failure.map { "The new run was not fine: \($0). " } ?? ""
        guard let first = regressions.first else {
            return failed + "Nothing became worse by more than the tolerance."
        }
        let others = regressions.count > 1 ? ", and \(regressions.count - 1) more" : ""
        let (old, new) = (first.metric.text, first.new.map(first.metric.unit.text) ?? "not measured")
        return failed + "Worse: \(first.metric.label), from \(old) to \(new)\(others)."
    }

    /// How many numbers changed, and which way.
    fileprivate var counts: String {
        let changes: [(Change, String)] = [
            (.better, "better"), (.worse, "worse"), (.missing, "missing"), (.same, "the same"),
        ]
        return changes.map { change, word in (rows.count { $0.change == change }, word) }.filter { $0.0 > 0 }
            .map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }
}

extension Comparison.Row {
    /// The new value, and what that means.
    fileprivate var cells: [String] {
        let old = metric.value
        let percent = new.map { old == 0 ? ($0 == 0 ? "0.0%" : "-") : Format.percent(($0 - old) / abs(old)) }
        return [
            new.map(metric.unit.text) ?? "-",
            [percent ?? "", change == .same ? "" : change.rawValue]
                .filter { !$0.isEmpty }.joined(separator: " "),
        ]
    }
}

extension Report {
    /// Several runs of one kind side by side, all held against the first.
    ///
    /// - Parameter tolerance: part of the first run's value by which another one's may be worse.
    /// - Throws: ``ReportError/invalid(_:)`` for fewer than two reports, and for reports of several kinds.
    public mutating func compare(_ runs: [Report], tolerance: Double) throws(ReportError) {
        guard let first = runs.first, runs.count > 1 else {
            throw .invalid("there must be at least two reports to compare")
        }
        let names = Report.names(of: runs)
        var comparisons: [(name: String, of: Comparison)] = []
        for (name, run) in zip(names, runs).dropFirst() {
            comparisons.append((name, try Comparison(old: first, new: run, tolerance: tolerance)))
        }
        verdict.checks =
            [Check("completed", passed: true, "it came to its end")]
            + comparisons.map { Check($0, passed: $1.passed, String($1.summary.dropLast())) }
        summary =
            "\(runs.count) reports of '\(first.kind)' against \(names[0]): "
            + comparisons.map { "\($0): \($1.counts)" }.joined(separator: "; ") + "."
        tables = [
            Table(
                "Comparison",
                [.init("metric", .left), .init(names[0])] + comparisons.flatMap { [.init($0.name), .init("change")] },
                rows: (comparisons.first?.of.rows ?? []).indices.map { index in
                    let metric = comparisons[0].of.rows[index].metric
                    return [metric.label + (metric.higherIsBetter ? " (more is better)" : ""), metric.text]
                        + comparisons.flatMap { $0.of.rows[index].cells }
                }),
            Table(
                "What else differs", [.init("run", .left), .init("", .left)],
                rows: comparisons.flatMap { name, comparison in comparison.notes.map { [name, $0] } }),
        ]
        // All numbers, those without a better and a worse too.
        metrics = zip(names, runs).flatMap { name, run in run.metrics(under: name) }
        details = (details + metrics.map(\.group)).unique()
        charts = Chart.together(zip(names, runs).map { ($0, $1.charts) })
        maps = zip(names, runs).flatMap { name, run in
            run.maps.map {
                SubscriptionMap(
                    title: "\(name): \($0.title)", channels: $0.channels, readers: $0.readers, rows: $0.rows)
            }
        }
        samples = zip(names, runs).flatMap { name, run in
            run.samples.map { Samples("\(name): \($0.name)", $0.columns, rows: $0.rows) }
        }
    }

    /// The metrics as those of one part of a larger report.
    public func metrics(under name: String) -> [Metric] {
        metrics.map { metric in
            var metric = metric
            metric.scope = metric.scope.isEmpty ? name : "\(name), \(metric.scope)"
            return metric
        }
    }

    /// What tells the runs apart: the parameters that differ, or when each began.
    static func names(of runs: [Report]) -> [String] {
        let values = runs.map { run in Dictionary(run.parameters.map { ($0.name, $0.value) }) { first, _ in first } }
        let differing = runs.flatMap { $0.parameters.map(\.name) }.unique().filter { name in
            Set(values.map { $0[name] }).count > 1
        }
        var names: [String] = []
        for (run, values) in zip(runs, values) {
            let said = differing.map { name in values[name].map { "\(name) \($0)" } ?? "default \(name)" }
            let name = said.isEmpty ? run.startedAt : said.joined(separator: ", ")
            let same = names.count { $0 == name || $0.hasPrefix(name + " (") }
            names.append(same == 0 ? name : "\(name) (\(same + 1))")
        }
        return names
    }
}
