import Audience
import Placement
import Testing

@Suite struct StrategyTests {
    @Test(arguments: PlacementStrategy.allCases) func namesAreReadBack(strategy: PlacementStrategy) throws {
        #expect(try PlacementStrategy.parse(strategy.description) == strategy)
    }

    @Test func errorsNameEveryStrategy() {
        #expect(throws: InvalidParameter.self) { try PlacementStrategy.parse("Random") }
        do {
            _ = try PlacementStrategy.parse("sticky")
        } catch {
            #expect(
                error.description == "placement is \"sticky\"; expected one of random, round-robin, least-connections, "
                    + "rendezvous, overflow")
        }
    }

    @Test func listsAreReadWithoutDoubles() throws {
        #expect(try PlacementStrategy.parseList("random,overflow,random") == [.random, .overflow])
        #expect(throws: InvalidParameter.self) { try PlacementStrategy.parseList("random,") }
    }
}
