/// The kinds of metrics of the exposition format.
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

/// All series of one name.
struct MetricFamily: Sendable {
    /// The label of the handle, sanitized.
    var label: String
    var name: String
    var kind: MetricKind
    var help: String
    /// By their labels as they are written, `a="b",c="d"`.
    var series: [String: any MetricCell] = [:]

    func exposition() -> String {
        var text = "# HELP \(name) \(MetricName.escapedHelp(help))\n# TYPE \(name) \(kind.type)\n"
        for (labels, cell) in series.sorted(by: { $0.key < $1.key }) {
            for sample in cell.samples {
                let all = [labels, sample.label].filter { !$0.isEmpty }.joined(separator: ",")
                text += "\(name)\(sample.ending)\(all.isEmpty ? "" : "{\(all)}") \(sample.value)\n"
            }
        }
        return text
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
