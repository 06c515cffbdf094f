import RedisNIO
import TestSupport
import Testbed
import Testing
import Wire

@testable import Broker

/// The broker on a cluster: everything of a channel is on one node, and what happens to that one concerns no other channel.
@Suite struct ClusterTests {
    private func settings(_ change: (inout RedisBrokerSettings) -> Void = { _ in }) -> RedisBrokerSettings {
        makeBrokerSettings {
            $0.probeInterval = .milliseconds(200)
            $0.probeDeadline = .seconds(1)
            $0.client.connection.commandTimeout = .seconds(1)
            $0.client.connection.connectTimeout = .seconds(1)
            $0.subscriber.connectTimeout = .seconds(1)
            change(&$0)
        }
    }

    private func withCluster(
        replicas: Int = 0, _ body: (RedisCluster, RedisBroker) async throws -> Void
    ) async throws {
        try await withTestbed { testbed in
            let cluster = try await testbed.startRedisCluster(replicas: replicas)
            try await withBroker(url: cluster.url, settings: settings()) { try await body(cluster, $0) }
        }
    }

    private let channels = (0..<60).map { video("v\($0)") }

    @Test func channelsOnAllNodesAreOneBroker() async throws {
        try await withCluster { cluster, broker in
            try await withSubscriber(broker, to: channels) { sink in
                let events = (0..<3).flatMap { number in
                    channels.map { StreamEvent(channel: $0, payload: payload(number)) }
                }
                let positions = try await broker.publish(contentsOf: events).map { try $0.get() }
                let expected = (1...3).flatMap { number in Array(repeating: UInt64(number), count: channels.count) }
                #expect(positions.map(\.offset) == expected)
                #expect(await eventually { sink.messages.count == events.count })
                for channel in channels {
                    let seen = sink.messages.filter { $0.channel == channel }.compactMap(\.position?.offset)
                    #expect(seen == [1, 2, 3])
                }
                try await broker.publishState(Array("event: likes\ndata: {}\n\n".utf8), to: channels[0])
                #expect(await eventually { sink.messages.last?.position == nil })
                let newest = try await broker.positions(of: channels + [video("none")])
                #expect(newest == Array(positions.suffix(60)) + [nil])
                let page = try await broker.history(of: channels[7], after: 1, through: nil, limit: 10)
                #expect(page.entries.map(\.offset) == [2, 3] && page.missing.isEmpty)
                #expect(
                    try await broker.latest(of: channels[7], before: nil, limit: 2).map(\.position.offset) == [3, 2])
                let counts = try await broker.subscriptionCounts(of: channels + [video("none")])
                #expect(counts == channels.map { _ in 1 } + [0])
                #expect(try await broker.subscribedChannelCount() == 60)
                for node in cluster.masters { #expect(try !node.command("DBSIZE").hasPrefix(":0")) }
            }
        }
    }

    @Test func onceNamedFoundAndRemovedWorkThere() async throws {
        try await withCluster { cluster, broker in
            for channel in channels.prefix(12) {
                let key = EventKey(prefix: Array("data: {\"n\":1".utf8), suffix: [])
                let first = try await broker.publishOnce(payload(1), to: channel, unless: [key])
                #expect(try await broker.publishOnce(payload(1), to: channel, unless: [key]) == first)
                #expect(try await broker.find(key, in: channel)?.position == first)
                guard
                    case .published(let named) = try await broker.publish(
                        payload(2), to: channel, named: "n", unless: [])
                else {
                    Issue.record("it was new")
                    continue
                }
                guard case .found(let again) = try await broker.publish(payload(2), to: channel, named: "n", unless: [])
                else {
                    Issue.record("it was there")
                    continue
                }
                #expect(again.position == named)
                #expect(try await broker.remove(first, from: channel))
                #expect(try await broker.find(key, in: channel) == nil)
            }
        }
    }

    /// A reshard that stopped half way: the slot is open for ever. What its channels have is here or there, new ones are made
    /// there, and whoever subscribes hears both.
    @Test func aSlotThatWasLeftOpenIsPublishedInto() async throws {
        try await withCluster { cluster, broker in
            let old = video("old")
            let slot = HashSlot(key: old.name)
            let source = try #require(
                cluster.masters.first { $0.port == broker.redis.server(of: old.positionKey)?.port })
            let target = try #require(cluster.masters.first { $0.port != source.port })
            func id(_ node: Node) throws -> String {
                String(try node.command("CLUSTER", "MYID").split(separator: "\r\n")[1])
            }
            let before = try await broker.publish(payload(1), to: old)
            try target.command("CLUSTER", "SETSLOT", "\(slot.number)", "IMPORTING", id(source))
            try source.command("CLUSTER", "SETSLOT", "\(slot.number)", "MIGRATING", id(target))
            try await withSubscriber(broker, to: [old]) { sink in
                // The names of the channel do not exist, which refuses a script that declares them.
                let second = try await broker.publish(payload(2), to: old)
                #expect(second.offset == 2 && second.epoch == before.epoch)
                #expect(await eventually { sink.messages.map(\.position) == [second] })
                for key in [old.positionKey, old.historyKey] {
                    try source.command("MIGRATE", "127.0.0.1", "\(target.port)", key, "0", "2000")
                }
                #expect(
                    await eventually {
                        let position = try await broker.publish(payload(3), to: old)
                        return position.epoch == before.epoch && sink.messages.contains { $0.position == position }
                    })
                let page = try await broker.history(of: old, after: 0, through: nil, limit: 10_000)
                #expect(page.entries.count >= 3 && page.position?.epoch == before.epoch)
            }
        }
    }

    /// A master dies: its channels are lost, and whole again with what was acknowledged by a replica; no other channel is told.
    @Test func afterAMastersDeathOnlyItsChannelsAreRepaired() async throws {
        try await withCluster(replicas: 1) { cluster, broker in
            try await withSubscriber(broker, to: channels) { sink in
                for channel in channels { _ = try await broker.publish(payload(1), to: channel) }
                #expect(await eventually { sink.messages.count == channels.count })
                let dead = try #require(
                    cluster.masters.first { $0.port == broker.redis.server(of: channels[0].name)?.port })
                let own = channels.filter { broker.redis.server(of: $0.name)?.port == dead.port }
                let others = channels.filter { !own.contains($0) }
                #expect(await eventually { try await isReplicated(dead) })
                await dead.kill()
                #expect(await eventually { Set(sink.lost) == Set(own) })
                // The others go on at once.
                for channel in others { _ = try await broker.publish(payload(2), to: channel) }
                #expect(broker.isReady)
                let events = own.map { StreamEvent(channel: $0, payload: payload(3)) }
                #expect(
                    await eventually(within: 30) {
                        let results = await broker.publish(contentsOf: events)
                        return results.allSatisfy { (try? $0.get()) != nil }
                    })
                #expect(await eventually(within: 30) { Set(sink.subscribedChannels.dropFirst(60)).isSuperset(of: own) })
                for channel in own {
                    let page = try await broker.history(of: channel, after: 0, through: nil, limit: 10)
                    #expect(page.entries.first?.offset == 1, "what had a replica is there")
                }
                #expect(Set(sink.lost).isDisjoint(with: others))
            }
        }
    }
}
