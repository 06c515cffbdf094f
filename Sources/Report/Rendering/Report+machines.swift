extension Report {
    /// One line a metric (RFC 4180, with line feeds); many files can be put together.
    public func csv() -> String {
        CSV.text(
            ["kind", "started", "group", "scope", "metric", "value", "unit", "direction"],
            metrics.map {
                [kind, startedAt, $0.group, $0.scope, $0.name, "\($0.value)", $0.unit.rawValue, $0.direction.rawValue]
            })
    }

    /// One line a moment, of all series; a series has the columns that it has.
    public func samplesCSV() -> String {
        let columns = samples.flatMap(\.columns).unique()
        return CSV.text(
            ["series"] + columns,
            samples.flatMap { series in
                series.rows.map { row in
                    let cells = Dictionary(zip(series.columns, row)) { first, _ in first }
                    return [series.name] + columns.map { cells[$0].map(Format.plain) ?? "" }
                }
            })
    }

    /// The checks as test cases, for whatever shows those of a build.
    public func junit() -> String {
        let failures = verdict.failed.count
        let properties = (parameters.map { ($0.name, $0.value) } + environment.circumstances).map {
            "      <property name=\"\(Markup.escaped($0))\" value=\"\(Markup.escaped($1))\"/>\n"
        }
        let cases = verdict.checks.map { check in
            let name = "    <testcase classname=\"chorus.\(kind)\" name=\"\(Markup.escaped(check.name))\""
            guard !check.passed else { return name + "/>\n" }
            return name + ">\n      <failure message=\"\(Markup.escaped(check.text))\"/>\n    </testcase>\n"
        }
        return
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"\(cases.count)\" failures=\"\(failures)\">\n"
            + "  <testsuite name=\"\(Markup.escaped(title))\" tests=\"\(cases.count)\" failures=\"\(failures)\""
            + " timestamp=\"\(Markup.escaped(startedAt))\">\n    <properties>\n\(properties.joined())    </properties>\n"
            + cases.joined() + "  </testsuite>\n</testsuites>\n"
    }

    /// OpenMetrics text (openmetrics.io, version 1.0): every metric as a gauge in its base unit, and every check.
    public func openMetrics() -> String {
        var families: [String: (unit: String, lines: [String])] = [:]
        var order: [String] = []
        for metric in metrics {
            let (unit, factor) = metric.unit.base
            let words = "\(kind) \(metric.name)".lowercased().split { !$0.isASCII || !($0.isLetter || $0.isNumber) }
            let name = "chorus_" + words.joined(separator: "_") + (unit.isEmpty ? "" : "_\(unit)")
            if families[name] == nil { order.append(name) }
            let line =
                "\(name){group=\"\(label(metric.group))\",scope=\"\(label(metric.scope))\"} \(metric.value * factor)\n"
            families[name, default: (unit, [])].lines.append(line)
        }
        let gauges = order.map { name in
            let (unit, lines) = families[name] ?? ("", [])
            return "# TYPE \(name) gauge\n" + (unit.isEmpty ? "" : "# UNIT \(name) \(unit)\n") + lines.joined()
        }
        let checks = verdict.checks.map {
            "chorus_\(kind)_check_passed{check=\"\(label($0.name))\"} \($0.passed ? 1 : 0)\n"
        }
        return gauges.joined() + "# TYPE chorus_\(kind)_check_passed gauge\n" + checks.joined() + "# EOF\n"
    }

    private func label(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}

enum CSV {
    static func text(_ titles: [String], _ rows: [[String]]) -> String {
        ([titles] + rows).map { $0.map(quoted).joined(separator: ",") + "\n" }.joined()
    }

    private static func quoted(_ cell: String) -> String {
        guard cell.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return cell }
        return "\"" + cell.replacing("\"", with: "\"\"") + "\""
    }
}
