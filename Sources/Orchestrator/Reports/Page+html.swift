import Audience
import Foundation

extension Page {
    /// One file that needs no other: style, data, plots, and Chart.js.
    ///
    /// - Parameter script: Chart.js; `nil` for a page that says where the plots would be.
    func html(script: String?) -> String {
        let head =
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>\(HTML.escaped(title))</title>\n"
            + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>\(Page.style)</style>\n</head>\n"
        let top = "<body>\n<h1>\(HTML.escaped(title))</h1>\n<p class=\"conclusion\">\(HTML.escaped(conclusion))</p>\n"
        let bottom = "<footer>Repeat it with <code>\(HTML.escaped(footer))</code></footer>\n"
        return head + top + maps.map(Page.picture).joined() + plots(script) + tables.map(Page.section).joined() + bottom
            + "</body>\n</html>\n"
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
        return "<div class=\"charts\">\n\(canvases)</div>\n<script>\(HTML.inScript(script))</script>\n"
            + "<script>const charts = \(HTML.data(data));\n\(Page.drawing)</script>\n"
    }

    private static func section(_ section: Table) -> String {
        let columns = section.table.columns
        func row(_ cells: [String], _ tag: String) -> String {
            let line = zip(cells, columns).map { cell, column in
                "<\(tag)\(column.alignment == .right ? " class=\"number\"" : "")>\(HTML.escaped(cell))</\(tag)>"
            }
            return "<tr>\(line.joined())</tr>\n"
        }
        let body = section.table.rows.map { row($0, "td") }.joined()
        return
            "<h2>\(HTML.escaped(section.title))</h2>\n<div class=\"wide\"><table>\n<thead>\(row(columns.map(\.title), "th"))</thead>\n"
            + "<tbody>\n\(body)</tbody>\n</table></div>\n"
    }

    /// The map as a picture of its own: one rectangle for each run of filled cells.
    private static func picture(_ map: SubscriptionMap) -> String {
        let (cell, height, label) = (max(2, 900 / max(map.channels.count, 1)), 16, 90)
        let width = label + cell * map.channels.count
        var shapes = ""
        for (line, row) in map.rows.enumerated() {
            let top = line * height
            shapes += "<text x=\"0\" y=\"\(top + 12)\">\(HTML.escaped(map.readers[line]))</text>\n"
            for run in runs(of: row) {
                shapes +=
                    "<rect x=\"\(label + run.lowerBound * cell)\" y=\"\(top)\" width=\"\(run.count * cell)\" height=\"\(height - 2)\"/>\n"
            }
        }
        let filled = "\(Figure.percent(map.filledShare)) of the fields are filled"
        return
            "<h2>\(HTML.escaped(map.title))</h2>\n<p>One line a Reader, one column a channel; a field is filled where the Reader"
            + " subscribes, and \(filled). Channels stand in the order of the Reader that they would have if each had only one.</p>\n"
            + "<svg class=\"map\" viewBox=\"0 0 \(width) \(map.rows.count * height)\" role=\"img\">\n\(shapes)</svg>\n"
    }

    /// Ranges of `1` in a row of a map.
    static func runs(of row: String) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start: Int?
        for (index, byte) in (Array(row.utf8) + [UInt8(ascii: "0")]).enumerated() {
            if byte == UInt8(ascii: "1") {
                start = start ?? index
            } else if let first = start {
                runs.append(first..<index)
                start = nil
            }
        }
        return runs
    }
}
