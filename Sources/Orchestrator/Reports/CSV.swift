/// A table as comma-separated values (RFC 4180, with line feeds).
struct CSV: Equatable, Sendable {
    private(set) var text: String
    private let columns: Int

    init(_ titles: [String]) {
        columns = titles.count
        text = CSV.line(titles)
    }

    /// Adds a row; missing cells are empty, surplus ones are dropped.
    mutating func add(_ cells: [String]) {
        let padding = Array(repeating: "", count: max(0, columns - cells.count))
        text += CSV.line(cells.prefix(columns) + padding)
    }

    private static func line(_ cells: some Sequence<String>) -> String {
        cells.map(quoted).joined(separator: ",") + "\n"
    }

    private static func quoted(_ cell: String) -> String {
        guard cell.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return cell }
        return "\"" + cell.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
