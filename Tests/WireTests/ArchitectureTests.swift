import Foundation
import Testing

/// The section "A comment's way" of docs/ARCHITECTURE.md names files that exist and the types in them.
@Suite struct ArchitectureTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The stops under a heading, as the rows of its table: `| 1 | `Type` | `Sources/….swift` | … |`.
    private func stops(of way: String) throws -> [(type: String, file: String)] {
        let page = try String(contentsOf: Self.root.appending(path: "docs/ARCHITECTURE.md"), encoding: .utf8)
        let section = try #require(page.components(separatedBy: "\n## A comment's way\n").last)
        let part = try #require(section.components(separatedBy: "\n### \(way)\n").dropFirst().first)
        let table = part.split(separator: "\n").prefix { !$0.hasPrefix("#") }
        return table.compactMap { line in
            line.firstMatch(of: /^\|[^|]*\| `(\w+)`[^|]*\| `(Sources\/[^`]+\.swift)`/).map {
                (String($0.1), String($0.2))
            }
        }
    }

    @Test(arguments: [("The way in", 10), ("The way out", 12)]) func everyStopIsThere(way: String, max: Int) throws {
        let stops = try stops(of: way)
        #expect((8...max).contains(stops.count), "\(stops.count) stops")
        for (type, file) in stops {
            let source = try? String(contentsOf: Self.root.appending(path: file), encoding: .utf8)
            let text = try #require(source, "\(file) does not exist")
            #expect(
                try Regex(#"\b(struct|class|enum|actor|protocol|extension) \#(type)\b"#).firstMatch(in: text) != nil)
        }
    }
}
