/// A table for terminals, Markdown and pages.
///
/// Widths are counted in characters, which is right for the digits and plain words that stand in it.
public struct Table: Codable, Equatable, Sendable {
    public enum Alignment: String, Codable, Sendable {
        case left, right
    }

    public struct Column: Codable, Equatable, Sendable {
        public let title: String
        public let alignment: Alignment

        public init(_ title: String, _ alignment: Alignment = .right) {
            self.title = title
            self.alignment = alignment
        }
    }

    public let title: String
    public let columns: [Column]
    public private(set) var rows: [[String]] = []

    public init(_ title: String = "", _ columns: [Column], rows: [[String]] = []) {
        self.title = title
        self.columns = columns
        for row in rows { add(row) }
    }

    /// Adds a row; missing cells are empty, surplus ones are dropped.
    public mutating func add(_ cells: [String]) {
        let padding = Array(repeating: "", count: max(0, columns.count - cells.count))
        rows.append(Array(cells.prefix(columns.count)) + padding)
    }

    /// Titles, a line, and the rows, two spaces between columns, no space at the end of a line.
    public func plain() -> String {
        let widths = columns.indices.map { column in
            rows.reduce(columns[column].title.count) { max($0, $1[column].count) }
        }
        let lines = [columns.map(\.title), widths.map { String(repeating: "-", count: $0) }] + rows
        return lines.map { line in
            let text = line.indices.map { index in
                let padding = String(repeating: " ", count: widths[index] - line[index].count)
                return columns[index].alignment == .right ? padding + line[index] : line[index] + padding
            }.joined(separator: "  ")
            return String(text.reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }

    /// The same as a table of GitHub's Markdown; `|` in cells is escaped.
    public func markdown() -> String {
        let marks = columns.map { $0.alignment == .right ? "---:" : ":---" }
        return ([columns.map(\.title), marks] + rows).map { line in
            "| " + line.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
        }.joined()
    }
}

extension Table {
    /// The metrics of each group: a line for the whole, and for each scope; scopes are columns where they have many
    /// metrics.
    public static func tables(of metrics: [Metric]) -> [Table] {
        metrics.map(\.group).unique().map { group in table(group, metrics.filter { $0.group == group }) }
    }

    private static func table(_ group: String, _ metrics: [Metric]) -> Table {
        let texts = Dictionary(metrics.map { ([$0.scope, $0.name], $0.text) }) { first, _ in first }
        let (scopes, names) = (metrics.map(\.scope).unique(), metrics.map(\.name).unique())
        func lines(_ rows: [String], _ columns: [String], _ cell: (String, String) -> String?) -> Table {
            Table(
                group, [Column("", .left)] + columns.map { Column($0) },
                rows: rows.map { row in [row] + columns.map { cell(row, $0) ?? "-" } })
        }
        if scopes == [""] {
            return Table(
                group, [Column("metric", .left), Column("value")], rows: names.map { [$0, texts[["", $0]] ?? "-"] })
        }
        return names.count > 9 && scopes.count < 9
            ? lines(names, scopes) { texts[[$1, $0]] } : lines(scopes, names) { texts[[$0, $1]] }
    }
}

extension Sequence where Element: Hashable {
    /// Each once, in the order in which they come first.
    public func unique() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
