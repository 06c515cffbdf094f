import NIOCore
import Primitives
import TestSupport
import Testbed
import Testing

@testable import RedisNIO

/// The client and the subscriber on real clusters.
@Suite struct ClusterTests {
    private func withCluster(
        masters: Int = 3, replicas: Int = 0, _ body: (RedisCluster) async throws -> Void
    ) async throws {
        try await withTestbed { testbed in
            try await body(try await testbed.startRedisCluster(masters: masters, replicas: replicas))
        }
    }

    private func makeSettings() -> RedisClientSettings {
        makeClientSettings {
            $0.graceWait = .seconds(5)
            $0.connection.commandTimeout = .milliseconds(500)
            $0.connection.connectTimeout = .milliseconds(500)
        }
    }

    /// A subscriber on the same nodes that runs.
    private func withSubscriptions(
        _ client: RedisClient, _ body: (any RedisSubscriptions, RecordingSink) async throws -> Void
    ) async throws {
        var settings = RedisSubscriberSettings()
        settings.backoff = Backoff(base: .milliseconds(5), cap: .milliseconds(50))
        settings.pingInterval = .milliseconds(300)
        settings.pingTimeout = .milliseconds(300)
        settings.connectTimeout = .milliseconds(500)
        let subscriber = client.makeSubscriber(settings)
        let sink = RecordingSink()
        try await withBackground({ try await subscriber.run(sink) }) { try await body(subscriber, sink) }
    }

    private func node(of key: String, _ cluster: RedisCluster, _ client: RedisClient) throws -> Node {
        let port = client.server(of: key)?.port
        return try #require(cluster.nodes.first { $0.port == port })
    }

    private let keys = (0..<64).map { "key\($0)" }

    @Test func aPipelineIsSplitAndPutTogetherAgain() async throws {
        try await withCluster { cluster in
            try await withClient(cluster.url, settings: makeSettings()) { client in
                let commands = keys.map { RedisCommand("SET", $0, "of " + $0) } + keys.map { RedisCommand("GET", $0) }
                let replies = try await client.send(contentsOf: commands)
                #expect(replies.prefix(64).allSatisfy { $0 == .status("OK") })
                #expect(replies.suffix(64).map(\.text) == keys.map { "of " + $0 })
                #expect(Set(keys.map { client.server(of: $0) }).count == 3)
                for node in cluster.masters { #expect(try !node.command("DBSIZE").hasPrefix(":0")) }
                let script = RedisScript("return redis.call('GET', KEYS[1])")
                let values = try await client.evaluate(script, contentsOf: keys.map { script.call(keys: [$0]) })
                #expect(values.map(\.text) == keys.map { "of " + $0 })
                // A node forgets the script.
                try cluster.masters[1].command("SCRIPT", "FLUSH")
                for key in keys { #expect(try await client.evaluate(script, keys: [key]).text == "of " + key) }
                #expect(try await client.sendToEach([RedisCommand("DBSIZE")]).count == 3)
                #expect(client.trouble == nil)
            }
        }
    }

    @Test func slotsThatMoveAreFollowed() async throws {
        try await withCluster { cluster in
            try await withClient(cluster.url, settings: makeSettings()) { client in
                let tag = "{a}", slot = HashSlot(key: "a").number
                for number in 0..<6 { _ = try await client.send(RedisCommand("SET", "\(tag)\(number)", "\(number)")) }
                let source = try node(of: "a", cluster, client)
                let target = try #require(cluster.masters.first { $0.port != source.port })
                try await source.move(slot: slot, to: target, keys: (0..<3).map { "\(tag)\($0)" }) {
                    // Half of the keys are here, half there; what is new is made there.
                    for number in 0..<6 {
                        #expect(try await client.send(RedisCommand("GET", "\(tag)\(number)")).text == "\(number)")
                    }
                    let replies = try await client.send(contentsOf: [
                        RedisCommand("MULTI"), RedisCommand("GET", tag + "1"), RedisCommand("EXEC"),
                        RedisCommand("SET", tag + "new", "n"), RedisCommand("GET", "other"),
                    ])
                    #expect(replies[2] == .array([.bytes(Array("1".utf8))]) && replies[3] == .status("OK"))
                    #expect(try target.command("EXISTS", tag + "new").hasPrefix("-MOVED"))
                    for number in 3..<6 { try source.migrate("\(tag)\(number)", to: target) }
                }
                for number in 0..<6 {
                    #expect(try await client.send(RedisCommand("GET", "\(tag)\(number)")).text == "\(number)")
                }
                #expect(await eventually { client.server(of: "a")?.port == target.port })
            }
        }
    }

    /// A master dies: its replica is found; meanwhile and afterwards the others work.
    @Test func aFailoverIsFound() async throws {
        try await withCluster(replicas: 1) { cluster in
            try await withClient(cluster.url, settings: makeSettings()) { client in
                for key in keys { _ = try await client.send(RedisCommand("SET", key, key)) }
                let dead = try node(of: "key0", cluster, client)
                for node in cluster.masters {
                    _ = try await RedisProbe(node).send(RedisCommand("WAIT", "1", "2000"))
                }
                await dead.kill()
                let others = keys.filter { client.server(of: $0)?.port != dead.port }
                let replies = try await client.send(contentsOf: others.map { RedisCommand("GET", $0) })
                #expect(replies.map(\.text) == others)
                #expect(
                    await eventually(within: 30) {
                        try await client.send(RedisCommand("GET", "key0")).text == "key0"
                            && client.server(of: "key0")?.port != dead.port
                    })
                let all = try await client.send(contentsOf: keys.map { RedisCommand("GET", $0) })
                #expect(all.map(\.text) == keys)
            }
        }
    }

    /// A frozen node costs its own commands a timeout, in their places.
    @Test func aNodeThatHangsDoesNotStopOthers() async throws {
        try await withCluster { cluster in
            var settings = makeSettings()
            settings.graceWait = .milliseconds(50)
            try await withClient(cluster.url, settings: settings) { client in
                _ = try await client.send(contentsOf: keys.map { RedisCommand("SET", $0, $0) })
                let frozen = try node(of: "key0", cluster, client)
                let others = keys.filter { client.server(of: $0)?.port != frozen.port }
                frozen.pause()
                let mixed = try await client.send(contentsOf: keys.map { RedisCommand("GET", $0) })
                for (key, reply) in zip(keys, mixed) {
                    if others.contains(key) {
                        #expect(reply.text == key)
                    } else {
                        #expect(reply.failure?.isReply == false)
                    }
                }
                #expect(client.trouble == nil)
                frozen.resume()
                #expect(await eventually { try await client.send(RedisCommand("GET", "key0")).text == "key0" })
            }
        }
    }

    /// Others work while a frozen node's answer is waited for, though its command is the first.
    @Test func otherNodesAreAskedMeanwhile() async throws {
        try await withCluster { cluster in
            var settings = makeSettings()
            settings.connection.commandTimeout = .seconds(60)
            try await withClient(cluster.url, settings: settings) { client in
                _ = try await client.send(contentsOf: keys.map { RedisCommand("SET", $0, "old") })
                let frozen = try node(of: keys[0], cluster, client)
                let other = try #require(keys.first { client.server(of: $0)?.port != frozen.port })
                frozen.pause()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        let commands = [keys[0], other].map { RedisCommand("SET", $0, "new") }
                        let replies = try await client.send(contentsOf: commands)
                        #expect(replies.allSatisfy { $0 == .status("OK") })
                    }
                    #expect(await eventually { try await client.send(RedisCommand("GET", other)).text == "new" })
                    frozen.resume()
                    try await group.waitForAll()
                }
            }
        }
    }

    /// What a node announces cannot be reached from here: the error says which address, and who named it.
    @Test func anAddressThatCannotBeReachedIsNamed() async throws {
        try await withCluster { cluster in
            var settings = makeSettings()
            settings.graceWait = .milliseconds(300)
            try await withClient(cluster.url, settings: settings) { client in
                #expect(await eventually { client.server(of: "key0") != nil })
                let port = try Ports.one()
                let hidden = try node(of: "key0", cluster, client)
                try hidden.command("CONFIG", "SET", "cluster-announce-port", "\(port)")
                #expect(
                    await eventually(within: 20) {
                        let error = await thrown(RedisError.self) {
                            _ = try await client.send(RedisCommand("GET", "key0"))
                        }
                        return error?.code == .notConnected && error?.message.contains("\(port)") == true
                    })
                #expect(client.trouble == nil)
            }
        }
    }

    @Test func aServerWithoutACluster() async throws {
        try await withRedis { redis in
            let url = redis.url.replacing("redis://", with: "redis+cluster://")
            var settings = makeSettings()
            settings.graceWait = .milliseconds(100)
            try await withClient(url, settings: settings) { client in
                let isTold = await eventually { client.trouble?.message.contains("cluster support disabled") == true }
                #expect(isTold, "\(String(describing: client.trouble))")
                #expect(await thrown(RedisError.self) { _ = try await client.send(RedisCommand("GET", "k")) } != nil)
            }
        }
    }
}

// MARK: - Subscriptions

extension ClusterTests {
    private func publish(_ channels: [String], _ text: String, _ client: RedisClient) async throws {
        for reply in try await client.send(contentsOf: channels.map { RedisCommand("SPUBLISH", $0, text) }) {
            if let failure = reply.failure { throw failure }
        }
    }

    private func heard(_ text: String, _ sink: RecordingSink) -> Set<String> {
        Set(sink.messages.filter { $0.payload == Array(text.utf8) }.map(\.channel))
    }

    @Test func channelsAreSubscribedWhereTheyBelong() async throws {
        try await withCluster { cluster in
            try await withClient(cluster.url, settings: makeSettings()) { client in
                try await withSubscriptions(client) { subscriber, sink in
                    let channels = (0..<500).map { "video:\($0)" }
                    subscriber.subscribe(channels)
                    #expect(await eventually { Set(sink.subscribed) == Set(channels) })
                    try await publish(channels, "one", client)
                    #expect(await eventually { heard("one", sink) == Set(channels) })
                    subscriber.unsubscribe(Array(channels[..<250]))
                    #expect(
                        await eventually {
                            let counts = try await client.sendToEach([RedisCommand("PUBSUB", "SHARDCHANNELS")])
                            return counts.reduce(0) { $0 + ($1[0].array?.count ?? 0) } == 250
                        })
                    // A channel that is subscribed is named again when asked again.
                    let before = sink.subscribed.count
                    subscriber.subscribe([channels[400]])
                    #expect(await eventually { sink.subscribed.count == before + 1 })
                    #expect(sink.losses.isEmpty)
                }
            }
        }
    }

    /// Each node's connections are cut, again and again: everything is said to be lost, and delivered again.
    @Test func cutConnectionsComeBackWhereTheyBelong() async throws {
        try await withCluster { cluster in
            try await withClient(cluster.url, settings: makeSettings()) { client in
                try await withSubscriptions(client) { subscriber, sink in
                    let channels = (0..<60).map { "video:\($0)" }
                    subscriber.subscribe(channels)
                    #expect(await eventually { Set(sink.subscribed) == Set(channels) })
                    for round in 0..<20 {
                        try cluster.masters[round % 3].command("CLIENT", "KILL", "TYPE", "pubsub")
                        #expect(
                            await eventually {
                                try await publish(channels, "round \(round)", client)
                                return heard("round \(round)", sink) == Set(channels)
                            })
                    }
                    #expect(sink.losses.count >= 20)
                }
            }
        }
    }

    /// Published into an open slot by a script, a message goes out on the node that has the key, or gets it.
    @Test func aSlotThatMovesLosesNothingUnsaid() async throws {
        try await withCluster { cluster in
            try await withClient(cluster.url, settings: makeSettings()) { client in
                try await withSubscriptions(client) { subscriber, sink in
                    let slot = HashSlot(key: "a").number
                    let channels = ["{a}1", "{a}2", "b", "c"]
                    subscriber.subscribe(channels)
                    #expect(await eventually { Set(sink.subscribed) == Set(channels) })
                    let source = try node(of: "a", cluster, client)
                    let target = try #require(cluster.masters.first { $0.port != source.port })
                    let script = RedisScript(
                        "redis.call('SET', KEYS[1], '1') return redis.call('SPUBLISH', ARGV[1], ARGV[2])")
                    func publishThere(_ text: String) async throws {
                        let bytes = [Array("{a}1".utf8), Array(text.utf8)]
                        _ = try await client.evaluate(script, keys: ["{a}key \(text)"], arguments: bytes)
                    }
                    try await source.move(slot: slot, to: target) {
                        // The key is new, so the target makes it, and publishes.
                        #expect(
                            await eventually {
                                try await publishThere("open")
                                return heard("open", sink).contains("{a}1")
                            })
                        // One more channel of a slot that is open already.
                        subscriber.subscribe(["{a}3"])
                        #expect(await eventually { sink.subscribed.contains("{a}3") })
                        try source.migrate("{a}key open", to: target)
                    }
                    #expect(
                        await eventually {
                            try await publish(channels + ["{a}3"], "after", client)
                            return heard("after", sink) == Set(channels + ["{a}3"])
                        })
                    // Both ends, and the move, were told as something that may be missing.
                    #expect(sink.losses.contains(.moved))
                    #expect(
                        await eventually {
                            try source.command("PUBSUB", "SHARDCHANNELS", "{a}*").hasPrefix("*0")
                                && client.server(of: "a")?.port == target.port
                        })
                }
            }
        }
    }

    /// A node gives a slot away and takes it back: it has ended the subscriptions, and the map is what it was.
    @Test func whatANodeEndedIsSubscribedAgain() async throws {
        try await withCluster { cluster in
            try await withClient(cluster.url, settings: makeSettings()) { client in
                try await withSubscriptions(client) { subscriber, sink in
                    subscriber.subscribe(["{a}1"])
                    #expect(await eventually { sink.subscribed == ["{a}1"] })
                    let source = try node(of: "a", cluster, client)
                    let target = try #require(cluster.masters.first { $0.port != source.port })
                    let slot = "\(HashSlot(key: "a").number)"
                    for node in [target, source] {
                        try source.command("CLUSTER", "SETSLOT", slot, "NODE", node.clusterID())
                    }
                    #expect(
                        await eventually {
                            try await publish(["{a}1"], "again", client)
                            return heard("again", sink) == ["{a}1"]
                        })
                    #expect(sink.losses.contains(.moved))
                }
            }
        }
    }

    @Test func afterAFailoverSubscriptionsStandAtTheNewMaster() async throws {
        try await withCluster(replicas: 1) { cluster in
            try await withClient(cluster.url, settings: makeSettings()) { client in
                try await withSubscriptions(client) { subscriber, sink in
                    let channels = (0..<60).map { "video:\($0)" }
                    subscriber.subscribe(channels)
                    #expect(await eventually { Set(sink.subscribed) == Set(channels) })
                    let dead = try node(of: channels[0], cluster, client)
                    await dead.kill()
                    #expect(
                        await eventually(within: 30) {
                            try await publish(channels, "after", client)
                            return heard("after", sink) == Set(channels)
                        })
                    // By command, without an outage: roles change, addresses stay.
                    let replica = try #require(
                        cluster.replicas.flatMap { $0 }.first { $0.port != client.server(of: channels[0])?.port })
                    try replica.command("CLUSTER", "FAILOVER")
                    #expect(
                        await eventually(within: 30) {
                            try await publish(channels, "again", client)
                            return heard("again", sink) == Set(channels)
                        })
                }
            }
        }
    }
}
