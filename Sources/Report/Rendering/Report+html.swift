import Foundation

extension Report {
    /// One page that needs no other file: style, fonts, data, plots, and Chart.js.
    public func html(_ assets: PageAssets = .installed) -> String {
        let isFine = verdict.status == .fine
        let title = Markup.escaped(title)
        // The first sentence is what one sees from afar; without one the title is.
        let end = summary.firstRange(of: /[.!?] (?=[\p{Lu}\d])/)
        let lead = end.map { summary[...$0.lowerBound] } ?? summary[...]
        let rest = end.map { summary[$0.upperBound...] } ?? ""
        let says =
            (lead.isEmpty
                ? "<h1 class=\"lead\">\(title)</h1>\n"
                : "<h1>\(title)</h1>\n<p class=\"lead\">\(Markup.escaped(lead))</p>\n")
            + (rest.isEmpty ? "" : "<p class=\"summary\">\(Markup.escaped(rest))</p>\n")
            + "<p class=\"verdict \(isFine ? "good" : "bad")\">\(Markup.escaped(verdict.sentence))</p>\n"
        return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>\(title)</title>\n"
            + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            + "<meta http-equiv=\"Content-Security-Policy\" content=\"\(Self.policy)\">\n"
            + "<style>\(assets.style)</style>\n</head>\n<body>\n"
            + "<header class=\"bar\"><span class=\"wordmark\">Chorus</span>"
            + "<span class=\"figure\">\(Markup.escaped("\(kind) · \(startedAt.prefix(16).replacing("T", with: " "))"))</span></header>\n"
            + "<main>\n<section class=\"says\">\n\(says)</section>\n" + mainFigures
            // What failed is not looked for below a dozen plots.
            + (isFine ? "" : Self.group([checks])) + maps.map(Self.picture).joined() + plots(assets.script)
            + Self.group(sections + (isFine ? [checks] : []) + [conditions]) + "</main>\n"
            + "<footer>Repeat it with <code>\(Markup.escaped(command))</code></footer>\n</body>\n</html>\n"
    }

    /// The page reaches nothing, whatever stands in it.
    private static let policy =
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; "
        + "form-action 'none'"

    /// What one looks for first.
    private var mainFigures: String {
        let shown = (highlights ?? []).compactMap { name in metrics.first { $0.name == name && $0.scope.isEmpty } }
        guard !shown.isEmpty else { return "" }
        let figures = shown.prefix(4).map {
            "<div><dt>\(Markup.escaped($0.name))</dt><dd>\(Markup.escaped($0.text))</dd></div>\n"
        }
        return "<dl class=\"main-figures\">\n\(figures.joined())</dl>\n"
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
        let canvases = charts.enumerated().map { number, chart in
            let title = Markup.escaped(chart.title)
            return "<figure><figcaption>\(title)</figcaption><div class=\"plot\">"
                + "<canvas id=\"chart-\(number)\" role=\"img\" aria-label=\"\(title)\"></canvas></div></figure>\n"
        }
        return "<div class=\"plots\">\n\(canvases.joined())</div>\n<script>\(Markup.inScript(script))</script>\n"
            + "<script>const charts = \(Markup.data(data));\n\(PageAssets.drawing)</script>\n"
    }

    private static func group(_ tables: [Table]) -> String {
        "<div class=\"tables\">\n\(tables.map(section).joined())</div>\n"
    }

    /// Ends of cells that must be seen.
    private static let alarms = [Check.failed, " worse", "missing"]

    private static func section(_ table: Table) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            let line = zip(cells, table.columns).map { cell, column in
                let classes = [
                    column.alignment == .right ? "number" : nil, alarms.contains { cell.hasSuffix($0) } ? "bad" : nil,
                ].compactMap { $0 }.joined(separator: " ")
                return "<\(tag)\(classes.isEmpty ? "" : " class=\"\(classes)\"")>\(Markup.escaped(cell))</\(tag)>"
            }
            return "<tr>\(line.joined())</tr>\n"
        }
        // Side by side where two have room.
        let isWide = table.columns.count > 5 || table.rows.contains { $0.contains { $0.count > 60 } }
        return "<section\(isWide ? " class=\"wide\"" : "")><h2>\(Markup.escaped(table.title))</h2>\n"
            + "<div class=\"scroll\"><table>\n<thead>\(row(table.columns.map(\.title), "th"))</thead>\n"
            + "<tbody>\n\(table.rows.map { row($0, "td") }.joined())</tbody>\n</table></div></section>\n"
    }

    /// The map as staves: a line each Reader, a rectangle for each run of filled cells.
    private static func picture(_ map: SubscriptionMap) -> String {
        let height = map.rows.count
        var shapes = map.rows.indices.map { "<path d=\"M0 \($0 + 1)h\(map.channels.count)\"/>\n" }.joined()
        for (line, row) in map.rows.enumerated() {
            for run in SubscriptionMap.runs(of: row) {
                shapes += "<rect x=\"\(run.lowerBound)\" y=\"\(line).1\" width=\"\(run.count)\" height=\"0.8\"/>\n"
            }
        }
        let names = map.readers.map { "<li>\(Markup.escaped($0))</li>" }.joined()
        let filled = "\(Format.percent(map.filledShare)) of the fields are filled"
        return
            "<section class=\"map\"><h2>\(Markup.escaped(map.title))</h2>\n<div class=\"map-frame\"><ol>\(names)</ol>\n"
            + "<svg viewBox=\"0 0 \(max(map.channels.count, 1)) \(max(height, 1))\" height=\"\(height * 24)\""
            + " preserveAspectRatio=\"none\" role=\"img\" aria-label=\"\(filled)\">\n\(shapes)</svg></div>\n"
            + "<p class=\"legend\">One line a Reader, one column a channel; a field is filled where the Reader subscribes, and"
            + " \(filled). Channels stand in the order of the Reader that they would have if each had only one.</p></section>\n"
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
