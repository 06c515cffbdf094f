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
                for node in cluster.masters {
                    #expect(try !node.command("DBSIZE").hasPrefix(":0"))
                    let hasProbe = await eventually {
                        try node.command("PUBSUB", "SHARDCHANNELS", "*probe:*").hasPrefix("*1\r\n")
                    }
                    #expect(hasProbe, "each node's connection has a probe of its own")
                }
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
            let before = try await broker.publish(payload(1), to: old)
            try await source.move(slot: slot.number, to: target, isEnded: false)
            try await withSubscriber(broker, to: [old]) { sink in
                // The names of the channel do not exist, which refuses a script that declares them.
                let second = try await broker.publish(payload(2), to: old)
                #expect(second.offset == 2 && second.epoch == before.epoch)
                #expect(await eventually { sink.messages.map(\.position) == [second] })
                for key in [old.positionKey, old.historyKey] { try source.migrate(key, to: target) }
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

    /// A publisher that knows nothing of a channel writes the first event after a change of server: without acknowledgements of
    /// replicas everything in between may be lost, and the history says so.
    @Test(arguments: [0, 1]) func whoKnowsNothingTellsAGap(replicasAck: Int) async throws {
        try await withTestbed { testbed in
            let cluster = try await testbed.startRedisCluster(
                masters: 1, replicas: replicasAck, options: .init(arguments: ["--enable-debug-command", "local"]))
            let settings = settings { $0.replicasAck = replicasAck }
            try await withBroker(url: cluster.url, settings: settings) { broker in
                for number in 1...3 {
                    for channel in [video("known"), video("unknown")] {
                        _ = try await broker.publish(payload(number), to: channel)
                    }
                }
                // As a promotion does.
                try cluster.masters[0].command("DEBUG", "CHANGE-REPL-ID")
                try await withBroker(url: cluster.url, settings: settings) { other in
                    let known = try await broker.publish(payload(4), to: video("known"))
                    let unknown = try await other.publish(payload(4), to: video("unknown"))
                    #expect(min(known.offset, unknown.offset) > PositionRule.restartStep)
                    let whole = try await other.history(of: video("known"), after: 3, through: nil, limit: 10)
                    #expect(whole.missing.isEmpty && whole.entries.map(\.offset) == [known.offset])
                    let page = try await other.history(of: video("unknown"), after: 2, through: nil, limit: 10)
                    #expect(page.missing == (replicasAck == 0 ? [4...unknown.offset - 1] : []))
                    #expect(page.entries.map(\.offset) == [3, unknown.offset])
                    let next = try await other.publish(payload(5), to: video("unknown"))
                    #expect(next.offset == unknown.offset + 1)
                    let behind = unknown.offset
                    #expect(
                        try await other.history(of: video("unknown"), after: behind, through: nil, limit: 10)
                            .missing.isEmpty)
                }
            }
        }
    }

    /// What was published and not replicated is asked about again, as the outbox does: it is not published before a replica
    /// has it, and then not twice.
    @Test func whatIsFoundAgainMustBeReplicatedToo() async throws {
        try await withTestbed { testbed in
            let cluster = try await testbed.startRedisCluster(masters: 1, replicas: 1)
            let acknowledging = settings {
                $0.replicasAck = 1
                $0.replicasWait = .milliseconds(100)
            }
            try await withBroker(url: cluster.url, settings: acknowledging) { broker in
                let channel = video("v")
                let key = EventKey(prefix: Array("data: {\"n\":1".utf8), suffix: [])
                let master = cluster.masters[0]
                cluster.replicas[0][0].pause()
                for _ in 0..<3 {
                    let once = await thrown(BrokerError.self) {
                        _ = try await broker.publishOnce(payload(1), to: channel, unless: [key])
                    }
                    let named = await thrown(BrokerError.self) {
                        _ = try await broker.publish(payload(2), to: channel, named: "n", unless: [])
                    }
                    #expect(once?.code == .timeout && named?.code == .timeout)
                }
                // Each renews the history, which is what `WAIT` waits for.
                try master.command("EXPIRE", channel.historyKey, "10")
                _ = try? await broker.publishOnce(payload(1), to: channel, unless: [key])
                let first = try Int(master.command("TTL", channel.historyKey).dropFirst().dropLast()) ?? 0
                try master.command("EXPIRE", channel.historyKey, "10")
                _ = try? await broker.publish(payload(2), to: channel, named: "n", unless: [])
                let second = try Int(master.command("TTL", channel.historyKey).dropFirst().dropLast()) ?? 0
                #expect(first > 10 && second > 10)
                cluster.replicas[0][0].resume()
                let isPublished = await eventually {
                    try await broker.publishOnce(payload(1), to: channel, unless: [key]).offset == 1
                }
                #expect(isPublished)
                #expect(try await broker.position(of: channel)?.offset == 2)
            }
        }
    }

    /// A replica that hears nothing is promoted: what was acknowledged before is there, what came after was not acknowledged.
    @Test func acknowledgedMeansReplicated() async throws {
        try await withTestbed { testbed in
            let cluster = try await testbed.startRedisCluster(replicas: 1)
            let acknowledging = settings {
                $0.replicasAck = 1
                $0.replicasWait = .milliseconds(100)
            }
            try await withBroker(url: cluster.url, settings: acknowledging) { broker in
                let channel = channels[0]
                let first = try await broker.publish(payload(1), to: channel)
                let master = try #require(
                    cluster.masters.firstIndex { $0.port == broker.redis.server(of: channel.name)?.port })
                cluster.replicas[master][0].pause()
                #expect(
                    await thrown(BrokerError.self) { _ = try await broker.publish(payload(2), to: channel) }?.code
                        == .timeout)
                let both = await broker.publish(contentsOf: [
                    StreamEvent(channel: channel, payload: payload(3)),
                    StreamEvent(
                        channel: channels.first {
                            broker.redis.server(of: $0.name)?.port != cluster.masters[master].port
                        } ?? channel, payload: payload(1)),
                ])
                #expect((try? both[0].get()) == nil && (try? both[1].get()) != nil)
                await cluster.masters[master].kill()
                cluster.replicas[master][0].resume()
                #expect(
                    await eventually(within: 30) {
                        let page = try await broker.history(of: channel, after: 0, through: nil, limit: 10)
                        return page.entries.first?.offset == first.offset
                    })
            }
        }
    }
}
