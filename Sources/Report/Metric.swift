/// A number of a report.
public struct Metric: Codable, Equatable, Sendable {
    public enum Unit: String, Codable, Sendable {
        /// A count, or a ratio.
        case none = ""
        /// 0 to 100.
        case percent = "%"
        case seconds = "s"
        case milliseconds = "ms"
        case microseconds = "µs"
        case bytes
        case perSecond = "/s"
    }

    public enum Direction: String, Codable, Sendable {
        case lowerIsBetter, higherIsBetter
        /// Shown, and not compared.
        case neutral
    }

    /// The table that it stands in.
    public var group: String
    /// What it is a number of where a report has several: a Reader, a case, a cell; empty for the whole.
    public var scope: String
    /// With ``group`` and ``scope`` unique in a report.
    public var name: String
    public var value: Double
    public var unit: Unit
    public var direction: Direction
    /// A change below this is noise, however many percent it is.
    public var minimumDelta: Double
    /// Any change for the worse is a regression, whatever the tolerance.
    public var isStrict: Bool

    public var higherIsBetter: Bool { direction == .higherIsBetter }
    /// With its unit, for people.
    public var text: String { unit.text(value) }
    public var label: String { scope.isEmpty ? name : "\(scope): \(name)" }

    public var definition: MetricDefinition { MetricDefinition(name: name, unit: unit) }

    var id: [String] { [group, scope, name] }
}

extension Metric.Unit {
    public func text(_ value: Double) -> String {
        switch self {
        case .none where value == value.rounded() && abs(value) < 1e15: Format.grouped(Int(value))
        case .none: Format.decimal(value, abs(value) < 10 ? 3 : 1)
        case .percent: Format.decimal(value, 1) + "%"
        case .seconds: Format.decimal(value, 2) + " s"
        case .milliseconds: Format.milliseconds(value) + " ms"
        case .microseconds: Format.decimal(value, 2) + " µs"
        case .bytes: Format.bytes(value)
        case .perSecond: (value < 10 ? Format.decimal(value, 2) : Format.grouped(Int(value.rounded()))) + "/s"
        }
    }

    /// What it measures, the name of the base unit, and how much of that it is.
    var base: (dimension: String, factor: Double) { Metric.Unit.known[rawValue] ?? ("", 1) }

    /// Units that people type, the metrics' own included.
    static let known: [String: (dimension: String, factor: Double)] = [
        "": ("", 1), "%": ("ratio", 0.01), "ns": ("seconds", 1e-9), "us": ("seconds", 1e-6), "µs": ("seconds", 1e-6),
        "ms": ("seconds", 1e-3), "s": ("seconds", 1), "min": ("seconds", 60), "B": ("bytes", 1), "bytes": ("bytes", 1),
        "KiB": ("bytes", 1_024), "MiB": ("bytes", 1_048_576), "GiB": ("bytes", 1_073_741_824), "kB": ("bytes", 1e3),
        "MB": ("bytes", 1e6), "GB": ("bytes", 1e9), "/s": ("per_second", 1), "/min": ("per_second", 1 / 60.0),
    ]
}

/// The name and unit of a metric, known before anything was measured.
public struct MetricDefinition: Hashable, Sendable {
    public let name: String
    public let unit: Metric.Unit
}

/// The metrics of one kind of measurement, each stated once.
public struct MetricList<Source>: Sendable {
    private struct Entry: Sendable {
        var metric: Metric
        var value: @Sendable (Source) -> Double?
    }

    private var entries: [Entry] = []
    private var group = ""

    public init(_ build: (inout MetricList) -> Void) { build(&self) }

    public var definitions: [MetricDefinition] {
        entries.map(\.metric.definition)
    }

    /// What is added from here on stands in a table with this title.
    public mutating func group(_ title: String) { group = title }

    /// - Parameter value: `nil` when it was not measured.
    public mutating func add(
        _ name: String, _ unit: Metric.Unit = .none, _ direction: Metric.Direction = .neutral,
        minimumDelta: Double = 0, strict: Bool = false, _ value: @escaping @Sendable (Source) -> Double?
    ) {
        let metric = Metric(
            group: group, scope: "", name: name, value: 0, unit: unit, direction: direction,
            minimumDelta: minimumDelta, isStrict: strict)
        entries.append(Entry(metric: metric, value: value))
    }

    public mutating func count(
        _ name: String, _ direction: Metric.Direction = .neutral, minimumDelta: Double = 0, strict: Bool = false,
        _ value: @escaping @Sendable (Source) -> Int?
    ) {
        add(name, .none, direction, minimumDelta: minimumDelta, strict: strict) { value($0).map(Double.init) }
    }

    /// Those that were measured.
    public func metrics(of source: Source, scope: String = "") -> [Metric] {
        entries.compactMap { entry in
            guard let value = entry.value(source), value.isFinite else { return nil }
            var metric = entry.metric
            metric.scope = scope
            metric.value = value
            return metric
        }
    }
}
