import Fanout
import TestSupport
import Testbed
import Testing
import Wire

extension IntegrationTests {
    @Suite struct LeavingTests {
        enum Way: CaseIterable {
            case close, halfClose, reset

            var reason: DisconnectReason { self == .reset ? .reset : .clientClosed }

            func leave(_ viewer: StreamClient) async {
                switch self {
                case .close: await viewer.close()
                case .halfClose: await viewer.halfClose()
                case .reset: await viewer.reset()
                }
            }
        }

        @Test(arguments: Way.allCases) func theLastOneEndsTheSubscription(way: Way) async throws {
            try await TestSystem.with(environment: ["READER_UNSUBSCRIBE_DELAY_MS": "100"]) { system in
                let first = try await system.connectedViewer(of: "v")
                let second = try await system.connectedViewer(of: "v")
                await way.leave(first)
                await expectEventually { system.hub.counters.connections == 1 }
                try await system.write("still here", to: "v")
                #expect(try await second.comments(1) == ["still here"])
                let start = ContinuousClock.now
                await way.leave(second)
                await expectEventually { try system.subscriptions(of: "v") == 0 }
                #expect(ContinuousClock.now - start >= .milliseconds(100), "the cool-down")
                #expect(system.hub.counters.connections == 0 && system.hub.counters.disconnects == [way.reason: 2])
            }
        }

        /// No FIN, no RST: only the heartbeat finds out. Needs the privilege to make a socket go without a word.
        @Test func whoeverDropsWithoutAWordIsFound() async throws {
            try await TestSystem.with(
                environment: ["READER_UNSUBSCRIBE_DELAY_MS": "50", "READER_HEARTBEAT_SECONDS": "1"]
            ) { system in
                let viewer = try await system.connectedViewer(of: "v")
                guard await viewer.vanish() else { return }
                await expectEventually { try system.subscriptions(of: "v") == 0 }
                #expect(system.hub.counters.disconnects == [.reset: 1])
            }
        }

        @Test func whoComesBackWithinTheCoolDownFindsTheSubscription() async throws {
            try await TestSystem.with(environment: ["READER_UNSUBSCRIBE_DELAY_MS": "60000"]) { system in
                for _ in 0..<5 {
                    let viewer = try await system.connectedViewer(of: "v")
                    await viewer.close()
                    await expectEventually { system.hub.counters.connections == 0 }
                }
                #expect(try system.subscriptions(of: "v") == 1)
                // One for the probe channel, one for the video.
                let statistics = try system.redis.command("INFO", "commandstats")
                #expect(statistics.contains("cmdstat_subscribe:calls=2,"))
                #expect(!statistics.contains("cmdstat_unsubscribe:"))
            }
        }

        @Test func heartbeatsKeepASilentStreamAlive() async throws {
            try await TestSystem.with(environment: ["READER_HEARTBEAT_SECONDS": "1"]) { system in
                let viewer = try await system.connectedViewer(of: "v")
                let start = ContinuousClock.now
                _ = try await viewer.body { $0.hasSuffix("\n\n:\n\n:\n\n") }
                #expect(ContinuousClock.now - start > .milliseconds(700), "two heartbeats, an interval apart")
                #expect(await viewer.allEvents.count == 1, "clients do not see heartbeats")
            }
        }
    }
}
