/// A limit that a person sets on a metric: `p99<150ms`, `dropped<1%`, `lost==0`.
public struct Threshold: Equatable, Sendable {
    public enum Relation: String, CaseIterable, Sendable {
        // The longer ones first: they begin like others.
        case atMost = "<=", atLeast = ">=", equal = "==", below = "<", above = ">"

        func holds(_ value: Double, _ limit: Double) -> Bool {
            switch self {
            case .atMost: value <= limit
            case .atLeast: value >= limit
            case .equal: value == limit
            case .below: value < limit
            case .above: value > limit
            }
        }
    }

    /// As it was typed.
    public let text: String
    public let metric: String
    /// As in `overflow, 14 Readers: spread<10%`; `nil` means every one.
    public let scope: String?
    public let relation: Relation
    /// In the metric's own unit.
    public let limit: Double

    /// A number without a unit is in the metric's own. Upper and lower case, `-`, `_` and a space are alike in names.
    ///
    /// - Throws: ``ReportError/invalid(_:)`` for what is no threshold, and for a name that is none of `known`.
    public init(_ text: String, known: [MetricDefinition]) throws(ReportError) {
        let found = Relation.allCases.compactMap { relation in
            text.firstRange(of: relation.rawValue).map { (relation: relation, range: $0) }
        }.first
        guard let found else {
            throw .invalid("--threshold \(text): must be a metric, one of < <= > >= == and a number, such as p99<150ms")
        }
        let parts = text[..<found.range.lowerBound].split(separator: ":")
        let name = Threshold.normalized(parts.last ?? "")
        guard let definition = known.first(where: { Threshold.normalized($0.name) == name }) else {
            let names = known.map(\.name).unique().joined(separator: ", ")
            throw .invalid("--threshold \(text): there is no metric '\(name)'; there are \(names)")
        }
        let number = text[found.range.upperBound...].trimmingPrefix { $0 == " " }
        let digits = number.prefix { "0123456789.+-".contains($0) }
        let unit = number.dropFirst(digits.count).filter { $0 != " " }
        guard let value = Double(digits), unit.isEmpty || Metric.Unit.known[unit] != nil else {
            throw .invalid("--threshold \(text): must end with a number and a unit such as ms, s, %, MiB or /s")
        }
        let (own, typed) = (definition.unit.base, Metric.Unit.known[unit] ?? definition.unit.base)
        guard unit.isEmpty || own.dimension == typed.dimension else {
            throw .invalid(
                "--threshold \(text): '\(definition.name)' is measured in "
                    + "\(definition.unit == .none ? "plain numbers" : definition.unit.rawValue)")
        }
        self.text = text
        scope = parts.count > 1 ? Threshold.normalized(parts.dropLast().joined(separator: ":")) : nil
        metric = definition.name
        relation = found.relation
        limit = unit.isEmpty ? value : value * typed.factor / own.factor
    }

    private static func normalized(_ name: some StringProtocol) -> String {
        name.lowercased().split { " -_".contains($0) }.joined(separator: " ")
    }

    /// Every number with the metric's name must hold; a metric that was not measured does not.
    func check(_ report: Report) -> Check {
        let measured = report.metrics.filter {
            $0.name == metric && (scope == nil || Threshold.normalized($0.scope) == scope)
        }
        let crossed = measured.filter { !relation.holds($0.value, limit) }
        guard !measured.isEmpty, crossed.isEmpty else {
            let found =
                measured.isEmpty ? ["'\(metric)' was not measured"] : crossed.map { "\($0.label) is \($0.text)" }
            let more = found.count > 3 ? ", and \(found.count - 3) more" : ""
            return Check(
                "threshold \(text)", passed: false, "\(text): \(found.prefix(3).joined(separator: ", "))\(more)")
        }
        let closest = measured.max { abs($0.value - limit) > abs($1.value - limit) }
        return Check(
            "threshold \(text)", passed: true, "\(text): \(closest.map { "\($0.label) is \($0.text)" } ?? "")")
    }
}

extension Report {
    /// Adds a check for each threshold.
    public mutating func apply(_ thresholds: [Threshold]) {
        for threshold in thresholds { verdict.checks.append(threshold.check(self)) }
    }
}
