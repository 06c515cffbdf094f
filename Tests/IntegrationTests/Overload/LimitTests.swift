import Fanout
import TestSupport
import Testing
import Wire

extension IntegrationTests {
    @Suite struct LimitTests {
        @Test func oneConnectionTooManyIsRefused() async throws {
            let limits = ["READER_CONNECTIONS_MAX": "3", "READER_UNSUBSCRIBE_DELAY_MS": "50"]
            try await TestSystem.with(environment: limits) { system in
                var viewers: [StreamClient] = []
                for number in 0..<3 { viewers.append(try await system.connectedViewer(of: "v\(number)")) }
                let refused = try await LoopbackHTTP.exchange(
                    port: system.reader.port, RequestText.connect(video: "v9"))
                #expect(refused.status == 503)
                #expect(refused.head["retry-after"] == "1")
                #expect(refused.text.contains(#""code":"too_many_connections""#))
                #expect(system.hub.counters.refusals == [.tooManyConnections: 1])
                #expect(try system.subscriptions(of: "v9") == 0)
                await viewers[0].close()
                #expect(await eventually(within: 30) { system.hub.counters.connections == 2 })
                viewers.append(try await system.connectedViewer(of: "v9"))
                for viewer in viewers { await viewer.close() }
                try await expectNothingLeft(system)
            }
        }
    }
}
