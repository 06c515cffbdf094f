import Fanout
import TestSupport
import Testing
import Wire

extension IntegrationTests {
    @Suite struct DrainTests {
        @Test func aStoppingReaderSendsItsViewersElsewhere() async throws {
            let settings = ["DRAIN_SECONDS": "2", "READER_RECONNECT_SPREAD_MS": "700"]
            try await TestSystem.with(environment: settings) { system in
                let viewers = try await system.connectedViewers(of: "v", count: 40)
                let start = ContinuousClock.now
                await system.reader.stop()
                try await system.write("while it drains", to: "v")
                var reached = 0
                for viewer in viewers {
                    // A whole response, so that no client takes the end for a fault.
                    #expect(try await viewer.end() == .complete)
                    let events = await viewer.allEvents.dropFirst()
                    #expect(events.last?.name == "reconnect" && events.last?.data == #"{"reason":"draining"}"#)
                    #expect(events.count == 1 || events.first?.data.contains("while it drains") == true)
                    if events.count == 2 { reached += 1 }
                    let retry = try #require(await viewer.retryMilliseconds)
                    #expect((350...700).contains(retry))
                }
                #expect(ContinuousClock.now - start > .seconds(1), "they are sent away over the time of the drain")
                #expect(reached > 0, "comments go on arriving while the Reader drains")
                #expect(system.hub.counters.disconnects == [.drained: 40] && system.hub.counters.connections == 0)
                #expect(!system.hub.isReady)
            }
        }
    }
}
