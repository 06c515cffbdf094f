/// What a metric is, in the words of the exposition format.
enum MetricKind: Sendable {
    case counter, gauge, histogram
    /// A histogram of seconds.
    case timer

    var type: String {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram, .timer: "histogram"
        }
    }

    /// The name with the ending that the kind asks for.
    func name(_ label: String) -> String {
        switch self {
        case .counter: label.hasSuffix("_total") ? label : label + "_total"
        case .timer: label.hasSuffix("_seconds") ? label : label + "_seconds"
        case .gauge, .histogram: label
        }
    }
}

/// One series: the value behind a name and its labels.
enum MetricSeries: Sendable {
    case counter(CounterCell)
    /// Also a counter of fractions.
    case gauge(GaugeCell)
    case histogram(HistogramCell)
    case observed(@Sendable () -> Double)
}

/// All series of one name.
struct MetricFamily: Sendable {
    /// The name as the handle was made with, characters aside.
    var label: String
    var name: String
    var kind: MetricKind
    var help: String
    /// By their labels as they are written, `a="b",c="d"`.
    var series: [String: MetricSeries] = [:]

    func exposition() -> String {
        var text = "# HELP \(name) \(MetricName.escapedHelp(help))\n# TYPE \(name) \(kind.type)\n"
        for (labels, series) in series.sorted(by: { $0.key < $1.key }) {
            switch series {
            case .counter(let cell): line(&text, "", labels, String(cell.value))
            case .gauge(let cell): line(&text, "", labels, MetricName.number(cell.value))
            case .observed(let read): line(&text, "", labels, MetricName.number(read()))
            case .histogram(let cell): histogram(&text, labels, cell.snapshot())
            }
        }
        return text
    }

    private func histogram(_ text: inout String, _ labels: String, _ snapshot: HistogramCell.Snapshot) {
        let separator = labels.isEmpty ? "" : ","
        var cumulative: UInt64 = 0
        for (bound, count) in zip(snapshot.bounds, snapshot.counts) {
            cumulative += count
            line(&text, "_bucket", labels + separator + "le=\"\(MetricName.number(bound))\"", String(cumulative))
        }
        line(&text, "_bucket", labels + separator + "le=\"+Inf\"", String(snapshot.count))
        line(&text, "_sum", labels, MetricName.number(snapshot.sum))
        line(&text, "_count", labels, String(snapshot.count))
    }

    private func line(_ text: inout String, _ ending: String, _ labels: String, _ value: String) {
        text += labels.isEmpty ? "\(name)\(ending) \(value)\n" : "\(name)\(ending){\(labels)} \(value)\n"
    }
}

/// The spelling rules of the exposition format.
enum MetricName {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`; whatever else becomes `_`.
    static func sanitized(_ label: String) -> String {
        var name = String(
            label.unicodeScalars.map { scalar -> Character in
                let isAllowed =
                    scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)) || scalar == "_"
                    || scalar == ":"
                return isAllowed ? Character(scalar) : "_"
            })
        if name.first?.isNumber ?? true { name = "_" + name }
        return name
    }

    static func labels(_ dimensions: [(String, String)]) -> String {
        dimensions.map { key, value in
            let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "\(sanitized(key).replacing(":", with: "_"))=\"\(escaped)\""
        }.joined(separator: ",")
    }

    static func escapedHelp(_ help: String) -> String {
        help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return "\(value)"
    }
}
