import Foundation

extension Report {
    /// One page that needs no other file: style, data, plots, and Chart.js.
    ///
    /// - Parameter script: Chart.js; `nil` for a page that says where the plots would be.
    public func html(script: String?) -> String {
        let (title, summary) = (Markup.escaped(title), Markup.escaped(summary))
        let good = verdict.status == .fine ? "good" : "bad"
        return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>\(title)</title>\n"
            + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            + "<style>\(PageAssets.style)</style>\n</head>\n<body>\n<h1>\(title)</h1>\n"
            + (summary.isEmpty ? "" : "<p class=\"summary\">\(summary)</p>\n")
            + "<p class=\"\(good)\">\(Markup.escaped(verdict.sentence))</p>\n" + maps.map(Self.picture).joined()
            + plots(script) + (sections + [checks, conditions]).map(Self.section).joined()
            + "<footer>Repeat it with <code>\(Markup.escaped(command))</code></footer>\n</body>\n</html>\n"
    }

    private func plots(_ script: String?) -> String {
        guard !charts.isEmpty else { return "" }
        guard let script else {
            return
                "<p class=\"missing\">The plots need Chart.js: install Debian's libjs-chart.js and make the report again.</p>\n"
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let data = (try? encoder.encode(charts)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
        let canvases = charts.indices.map { "<figure><canvas id=\"chart-\($0)\"></canvas></figure>\n" }.joined()
        return "<div class=\"charts\">\n\(canvases)</div>\n<script>\(Markup.inScript(script))</script>\n"
            + "<script>const charts = \(Markup.data(data));\n\(PageAssets.drawing)</script>\n"
    }

    private static func section(_ table: Table) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            let line = zip(cells, table.columns).map { cell, column in
                "<\(tag)\(column.alignment == .right ? " class=\"number\"" : "")>\(Markup.escaped(cell))</\(tag)>"
            }
            return "<tr>\(line.joined())</tr>\n"
        }
        return "<h2>\(Markup.escaped(table.title))</h2>\n<div class=\"wide\"><table>\n"
            + "<thead>\(row(table.columns.map(\.title), "th"))</thead>\n"
            + "<tbody>\n\(table.rows.map { row($0, "td") }.joined())</tbody>\n</table></div>\n"
    }

    /// The map as a picture of its own: one rectangle for each run of filled cells.
    private static func picture(_ map: SubscriptionMap) -> String {
        let (cell, height, label) = (max(2, 900 / max(map.channels.count, 1)), 16, 90)
        let width = label + cell * map.channels.count
        var shapes = ""
        for (line, row) in map.rows.enumerated() {
            let top = line * height
            shapes += "<text x=\"0\" y=\"\(top + 12)\">\(Markup.escaped(map.readers[line]))</text>\n"
            for run in SubscriptionMap.runs(of: row) {
                shapes +=
                    "<rect x=\"\(label + run.lowerBound * cell)\" y=\"\(top)\" width=\"\(run.count * cell)\" height=\"\(height - 2)\"/>\n"
            }
        }
        let filled = "\(Format.percent(map.filledShare)) of the fields are filled"
        return
            "<h2>\(Markup.escaped(map.title))</h2>\n<p>One line a Reader, one column a channel; a field is filled where the Reader"
            + " subscribes, and \(filled). Channels stand in the order of the Reader that they would have if each had only one.</p>\n"
            + "<svg class=\"map\" viewBox=\"0 0 \(width) \(map.rows.count * height)\" role=\"img\">\n\(shapes)</svg>\n"
    }
}

/// Text inside a page or an XML document.
enum Markup {
    /// For text between tags and inside quoted attributes.
    static func escaped(_ text: some StringProtocol) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.append(character)
            }
        }
        return result
    }

    /// JSON inside a script: no `<`, and so nothing that a page could take for markup.
    static func data(_ json: String) -> String { json.replacing("<", with: "\\u003c") }

    /// A script's text that cannot end its element early; JavaScript reads `<\/` as `</`.
    static func inScript(_ text: String) -> String { text.replacing("</", with: "<\\/") }
}
