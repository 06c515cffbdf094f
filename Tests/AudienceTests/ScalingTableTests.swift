import Audience
import Placement
import Testing

@Suite struct ScalingTableTests {
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
    }
}
