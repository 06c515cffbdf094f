import Audience

/// A report that can be held against an older one of its kind.
protocol ComparableReport: Sendable {
    static var kind: String { get }
    static var schemaVersion: Int { get }
    /// Every number of which less, or more, is better; those that the run did not come to are left out.
    var figures: [(metric: Comparison.Metric, value: Double)] { get }
    /// What must be the same for a fair comparison, by name.
    var circumstances: [(name: String, value: String)] { get }
    /// Why it was not fine; `nil` when it was.
    var trouble: String? { get }
}

/// Two reports side by side: what became worse, by more than a tolerance.
struct Comparison: Equatable, Sendable {
    /// A number of a report.
    struct Metric: Equatable, Sendable {
        /// Unique in a report.
        var name: String
        var unit: String
        /// A change below this is noise, however many percent it is.
        var floor: Double
        /// More than nothing is a regression, whatever the tolerance.
        var isStrict = false
        /// More is better.
        var isGain = false
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

    /// - Parameter tolerance: part of the old value by which the new one may be worse, for instance 0.1.
    init(old: some ComparableReport, new: some ComparableReport, tolerance: Double) {
        let after = Dictionary(new.figures.map { ($0.metric.name, $0.value) }) { first, _ in first }
        rows = old.figures.compactMap { metric, before in
            guard let after = after[metric.name] else { return nil }
            let change = Comparison.change(from: before, to: after, metric, tolerance: tolerance)
            return Row(metric: metric, old: before, new: after, change: change)
        }
        notes = Comparison.differences(old, new)
    }

    var regressions: [Row] { rows.filter { $0.change == .worse } }

    static func change(from old: Double, to new: Double, _ metric: Metric, tolerance: Double) -> Change {
        if metric.isStrict { return new > old ? .worse : new < old ? .better : .same }
        guard abs(new - old) > metric.floor, abs(new - old) > abs(old) * tolerance else { return .same }
        return (new > old) == metric.isGain ? .better : .worse
    }

    private static func differences(_ old: some ComparableReport, _ new: some ComparableReport) -> [String] {
        let after = Dictionary(new.circumstances.map { ($0.name, $0.value) }) { first, _ in first }
        var notes = old.circumstances.compactMap { name, before -> String? in
            guard let after = after[name], before != after else { return nil }
            return "\(name) differs: \(before) and \(after)"
        }
        for (name, trouble) in [("old", old.trouble), ("new", new.trouble)] {
            if let trouble { notes.append("the \(name) run was not fine: \(trouble)") }
        }
        return notes
    }
}

extension Comparison {
    var table: TextTable {
        var table = TextTable([
            .init("figure", .left), .init("old"), .init("new"), .init("change"), .init("", .left),
        ])
        for row in rows {
            let percent =
                row.old == 0 ? (row.new == 0 ? "0.0%" : "-") : Figure.percent((row.new - row.old) / abs(row.old))
            let unit = row.metric.unit.isEmpty ? "" : ", \(row.metric.unit)"
            table.add([
                row.metric.name + unit + (row.metric.isGain ? " (more is better)" : ""), Figure.decimal(row.old, 2),
                Figure.decimal(row.new, 2), percent,
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
