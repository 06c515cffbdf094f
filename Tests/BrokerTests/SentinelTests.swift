import RedisNIO
import TestSupport
import Testbed
import Testing
import Wire

@testable import Broker

/// One master, and Sentinels that know where it is.
@Suite struct SentinelTests {
    /// The master dies: publishing and subscriptions go on at the replica that was promoted, with all that it had.
    @Test func afterAFailoverTheNewMasterIsFound() async throws {
        try await withTestbed { testbed in
            let group = try await testbed.startSentinels()
            let settings = makeBrokerSettings {
                $0.replicasAck = 1
                $0.probeInterval = .milliseconds(200)
                $0.client.connection.needsWrites = true
            }
            try await withBroker(url: group.url, settings: settings) { broker in
                try await withSubscriber(broker, to: [video("v")]) { sink in
                    let first = try await broker.publish(payload(1), to: video("v"))
                    #expect(await eventually { sink.messages.map(\.position) == [first] })
                    #expect(try await broker.subscriptionCounts(of: [video("v")]) == [1])
                    await group.master.kill()
                    #expect(await eventually { sink.lost == [video("v")] && !broker.isReady })
                    // The only replica has no replica of its own, so nothing is acknowledged there; it has what was.
                    #expect(await eventually(within: 30) { try await broker.position(of: video("v")) == first })
                    #expect(await eventually(within: 30) { sink.subscribedChannels.count >= 2 && broker.isReady })
                    #expect(
                        await thrown(BrokerError.self) { _ = try await broker.publish(payload(2), to: video("v")) }?
                            .code
                            == .timeout)
                    #expect(await eventually { sink.messages.count == 2 })
                }
            }
        }
    }
}
