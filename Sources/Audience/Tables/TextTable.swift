/// A table for terminals and for Markdown.
///
/// Widths are counted in characters, which is right for the digits and plain words that stand in it.
public struct TextTable: Equatable, Sendable {
    public enum Alignment: Sendable {
        case left, right
    }

    public struct Column: Equatable, Sendable {
        public let title: String
        public let alignment: Alignment

        public init(_ title: String, _ alignment: Alignment = .right) {
            self.title = title
            self.alignment = alignment
        }
    }

    public let columns: [Column]
    public private(set) var rows: [[String]] = []

    public init(_ columns: [Column]) {
        self.columns = columns
    }

    /// Adds a row; missing cells are empty, surplus ones are dropped.
    public mutating func add(_ cells: [String]) {
        let padding = Array(repeating: "", count: max(0, columns.count - cells.count))
        rows.append(Array(cells.prefix(columns.count)) + padding)
    }

    /// Titles, a line, and the rows, two spaces between columns, no space at the end of a line.
    public func plain() -> String {
        let widths = widths()
        let lines = [columns.map(\.title), widths.map { String(repeating: "-", count: $0) }] + rows
        return lines.map { line in
            let text = padded(line, widths: widths).joined(separator: "  ")
            return String(text.reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }

    /// The same as a table of GitHub's Markdown; `|` in cells is escaped.
    public func markdown() -> String {
        let marks = columns.map { $0.alignment == .right ? "---:" : ":---" }
        return ([columns.map(\.title), marks] + rows).map { line in
            "| " + line.map(TextTable.escaped).joined(separator: " | ") + " |\n"
        }.joined()
    }

    private func widths() -> [Int] {
        columns.indices.map { column in
            rows.reduce(columns[column].title.count) { max($0, $1[column].count) }
        }
    }

    private func padded(_ cells: [String], widths: [Int]) -> [String] {
        cells.indices.map { index in
            let padding = String(repeating: " ", count: widths[index] - cells[index].count)
            return columns[index].alignment == .right ? padding + cells[index] : cells[index] + padding
        }
    }

    private static func escaped(_ cell: String) -> String {
        cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}

/// Numbers as they stand in tables, without a locale.
public enum Figure {
    /// `value` with this many decimals (0 to 9), rounded to nearest; `-` for what is no number.
    public static func decimal(_ value: Double, _ decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (abs(value) * scale).rounded()
        guard scaled < 9e15 else { return "-" }
        let whole = Int(scaled) / Int(scale)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return sign + String(whole) }
        let fraction = String(Int(scaled) % Int(scale))
        return sign + String(whole) + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }

    /// `0.8234` as `82.3%`.
    public static func percent(_ share: Double, _ decimals: Int = 1) -> String {
        decimal(share * 100, decimals) + "%"
    }

    /// `1234567` as `1,234,567`.
    public static func grouped(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return number < 0 ? "-" + text : text
    }
}
