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
    public var table: Table {
        Table(
            "Comparison",
            [.init("metric", .left), .init("old"), .init("new"), .init("change"), .init("", .left)],
            rows: rows.map { row in
                let (old, new) = (row.metric.value, row.new)
                let percent = new.map { old == 0 ? ($0 == 0 ? "0.0%" : "-") : Format.percent(($0 - old) / abs(old)) }
                return [
                    row.metric.label + (row.metric.higherIsBetter ? " (more is better)" : ""), row.metric.text,
                    new.map(row.metric.unit.text) ?? "-", percent ?? "-",
                    row.change == .same ? "" : row.change.rawValue,
                ]
            })
    }

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
}
