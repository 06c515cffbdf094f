import Audience
import Placement
import Testing

@Suite struct TableTests {
    @Test func tablesAlign() {
        var table = TextTable([.init("name", .left), .init("n")])
        table.add(["reader-1", "7"])
        table.add(["b"])
        table.add(["c", "12345", "surplus"])
        #expect(
            table.plain() == """
                name          n
                --------  -----
                reader-1      7
                b
                c         12345

                """)
        #expect(
            table.markdown() == """
                | name | n |
                | :--- | ---: |
                | reader-1 | 7 |
                | b |  |
                | c | 12345 |

                """)
    }

    @Test func markdownEscapesBars() {
        var table = TextTable([.init("a")])
        table.add(["x|y"])
        #expect(table.markdown().contains("x\\|y"))
    }

    @Test func figures() {
        #expect(Figure.decimal(1.2345, 2) == "1.23")
        #expect(Figure.decimal(0.999, 2) == "1.00")
        #expect(Figure.decimal(-0.05, 1) == "-0.1")
        #expect(Figure.decimal(-0.001, 1) == "0.0")
        #expect(Figure.decimal(12, 0) == "12")
        #expect(Figure.decimal(.nan, 1) == "-")
        #expect(Figure.decimal(.infinity, 1) == "-")
        #expect(Figure.percent(0.8234) == "82.3%")
        #expect(Figure.grouped(1_234_567) == "1,234,567")
        #expect(Figure.grouped(-123) == "-123")
        #expect(Figure.grouped(0) == "0")
    }

    @Test func theScalingTableShowsTheFlawAndWhatRemovesIt() throws {
        let audience = try Audience(.zipf(exponent: 1), channels: 2000, viewers: 50000, seed: 1)
        let table = ScalingTable(audience, readers: [0, 5, 14], strategies: PlacementStrategy.allCases)
        #expect(table.rows.count == 10)
        func row(_ readers: Int, _ strategy: PlacementStrategy) throws -> SpreadOutcome {
            try #require(table.rows.first { $0.outcome.readers == readers && $0.strategy == strategy }).outcome
        }
        #expect(try row(14, .random).amplification > row(5, .random).amplification)
        #expect(try row(14, .random).spread < row(5, .random).spread)
        #expect(try row(14, .rendezvous).amplification == 1)
        #expect(try row(14, .overflow).amplification < 1.1)
        #expect(try row(14, .overflow).loadMaxOverMean < 1.25)
        #expect(try row(14, .rendezvous).loadMaxOverMean > 1.25)
        let text = table.text()
        #expect(text.hasPrefix("audience zipf:1.0, 2,000 channels, 50,000 viewers, seed 1\n\nreaders  placement"))
        #expect(text.split(separator: "\n").count == 13)
    }
}
