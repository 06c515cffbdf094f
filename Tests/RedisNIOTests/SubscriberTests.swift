import Foundation
import RedisNIO
import TestSupport
import Testbed
import Testing

@Suite struct SubscriberTests {
    @Test func messagesArriveInOrderWithTheirBytes() async throws {
        try await withRedisSubscriber { redis, subscriber, sink in
            subscriber.subscribe(["a", "b"])
            #expect(await eventually { Set(sink.subscribed) == ["a", "b"] })
            let expected = (0..<20_000).map { number in
                RedisMessage(
                    channel: number % 3 == 0 ? "b" : "a",
                    payload: [UInt8(number % 256), 13, 10, 0] + Array("\(number)".utf8))
            }
            try await withClient(redis.url) { client in
                for start in stride(from: 0, to: expected.count, by: 1000) {
                    let commands = expected[start..<start + 1000].map { message in
                        var command = RedisCommand("PUBLISH", message.channel)
                        command.append(message.payload)
                        return command
                    }
                    // Over one connection: two would race with each other.
                    _ = try await client.connection().send(contentsOf: commands)
                }
            }
            #expect(await eventually { sink.messages.count == expected.count })
            #expect(sink.messages == expected)
        }
    }

    @Test func killedSubscriberSubscribesEverythingAgain() async throws {
        try await withRedisSubscriber { redis, subscriber, sink in
            let channels = (0..<20_000).map { "video:v\($0)" }
            #expect(subscriber.subscribe(channels))
            #expect(await eventually { sink.subscribed.count == channels.count })
            subscriber.unsubscribe(Array(channels[..<5000]))
            #expect(
                await eventually { try redis.command("INFO", "stats").contains("pubsub_channels:15000\r\n") })
            try redis.command("CLIENT", "KILL", "TYPE", "pubsub")
            #expect(await eventually { sink.subscribed.count == channels.count + 15_000 })
            #expect(Set(sink.subscribed.suffix(15_000)) == Set(channels[5000...]))
            #expect(sink.losses == [.closed])
            #expect(try redis.command("INFO", "stats").contains("pubsub_channels:15000\r\n"))
            // One acknowledgement event for many channels, not one each.
            #expect(sink.events.count < 2000)
            try redis.command("PUBLISH", "video:v19999", "x")
            #expect(await eventually { sink.messages == [RedisMessage(channel: "video:v19999", payload: [0x78])] })
        }
    }

    @Test func zappingWithinATurnEndsAsAskedLast() async throws {
        try await withRedisSubscriber { redis, subscriber, sink in
            for _ in 0..<500 {
                subscriber.subscribe(["a"])
                subscriber.unsubscribe(["a"])
                subscriber.unsubscribe(["b"])
                subscriber.subscribe(["b"])
            }
            #expect(
                await eventually { try redis.command("PUBSUB", "NUMSUB", "a", "b").contains("$1\r\nb\r\n:1") })
            #expect(await eventually { try redis.command("PUBSUB", "NUMSUB", "a").contains(":0") })
            #expect(await eventually { sink.subscribed.contains("b") })
            let before = sink.subscribed.count { $0 == "b" }
            subscriber.subscribe(["b"])
            // Asking again is answered again.
            #expect(await eventually { sink.subscribed.count { $0 == "b" } > before })
        }
    }

    /// Redis refuses PING like a write while it cannot save; everything that a subscriber and a reader need works.
    @Test func aRedisThatCannotSaveIsAlive() async throws {
        func quick(_ settings: inout RedisSubscriberSettings) { settings.pingInterval = .milliseconds(50) }
        try await withRedis(.init(arguments: ["--enable-protected-configs", "yes"])) { redis in
            try await withSubscriber(redis.url, settings: quick) { subscriber, sink in
                subscriber.subscribe(["a"])
                #expect(await eventually { sink.subscribed == ["a"] })
                try failToSave(redis)
                #expect(await eventually { try refusedPings(redis) >= 5 })
                #expect(sink.losses == [])
                // New connections are let in, too.
                try redis.command("CLIENT", "KILL", "TYPE", "pubsub")
                #expect(await eventually { sink.subscribed == ["a", "a"] })
                try await withClient(redis.url) { client in
                    let receivers = try await client.send(RedisCommand("PUBLISH", "a", "x"))
                    #expect(receivers == .integer(1))
                }
                #expect(await eventually { sink.messages == [RedisMessage(channel: "a", payload: [0x78])] })
                #expect(sink.losses == [.closed])
            }
        }
    }

    private func failToSave(_ redis: Node) throws {
        let folder = URL(filePath: redis.directory ?? "").appending(path: "gone")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try redis.command("CONFIG", "SET", "dir", folder.path())
        try FileManager.default.removeItem(at: folder)
        try redis.command("CONFIG", "SET", "save", "3600 1")
        try redis.command("BGSAVE")
    }

    private func refusedPings(_ redis: Node) throws -> Int {
        let lines = try redis.command("INFO", "commandstats").split(separator: "\r\n")
        let ping = lines.first { $0.hasPrefix("cmdstat_ping:") }?.split(separator: ",") ?? []
        let refused = ping.first { $0.hasPrefix("rejected_calls=") }
        return refused.flatMap { Int($0.dropFirst("rejected_calls=".count)) } ?? 0
    }

    @Test func afrozenRedisIsNoticedByPing() async throws {
        func quick(_ settings: inout RedisSubscriberSettings) {
            settings.pingInterval = .milliseconds(100)
            settings.pingTimeout = .milliseconds(100)
            settings.connectTimeout = .milliseconds(200)
        }
        try await withRedisSubscriber(settings: quick) { redis, subscriber, sink in
            subscriber.subscribe(["a"])
            #expect(await eventually { sink.subscribed == ["a"] })
            // Living through several pings: answers are understood, in subscribe mode too.
            let pings = /cmdstat_ping:calls=(\d+)/
            let lives = await eventually {
                try redis.command("INFO", "commandstats").firstMatch(of: pings).flatMap { Int($0.1) } ?? 0 >= 4
            }
            #expect(lives && sink.losses.isEmpty)
            redis.pause()
            #expect(await eventually { sink.losses == [.silent] })
            redis.resume()
            #expect(await eventually { sink.subscribed == ["a", "a"] })
        }
    }

    @Test func droppedConnectionsComeBack() async throws {
        try await withRedisSubscriber { redis, subscriber, sink in
            for round in 1...5 {
                subscriber.subscribe(["a"])
                #expect(await eventually { subscriber.isConnected })
                subscriber.dropConnection()
                #expect(await eventually { sink.losses.count == round })
            }
            #expect(sink.losses.allSatisfy { $0 == .dropped })
        }
    }

    @Test func afullTableRefusesAll() async throws {
        try await withRedisSubscriber(settings: { $0.channelsMax = 3 }) { redis, subscriber, sink in
            #expect(subscriber.subscribe(["a", "b"]))
            #expect(!subscriber.subscribe(["c", "d"]))
            #expect(subscriber.subscribe(["a", "b", "c"]))
            #expect(subscriber.wantedCount == 3)
            #expect(await eventually { Set(sink.subscribed) == ["a", "b", "c"] })
        }
    }

    @Test func wrongPasswordNeverEstablishes() async throws {
        try await withRedis(.init(password: "right")) { redis in
            let sink = RecordingSink()
            let endpoint = RedisEndpoint(host: "127.0.0.1", port: redis.port, password: "wrong")
            let subscriber = RedisSubscriber(endpoint: endpoint, logger: quietLogger)
            try await withBackground({ try await subscriber.run(sink) }) {
                subscriber.subscribe(["a"])
                #expect(await eventually { try redis.command("ACL", "LOG").contains("AUTH") })
                #expect(sink.events.isEmpty && !subscriber.isConnected)
            }
        }
    }

    @Test func cancellingEndsTheConnection() async throws {
        try await withRedis { redis in
            let sink = try await withSubscriber(redis.url) { subscriber, sink in
                subscriber.subscribe(["a"])
                #expect(await eventually { sink.subscribed == ["a"] })
                return sink
            }
            #expect(sink.losses == [.shutDown])
            #expect(await eventually { try redis.command("PUBSUB", "CHANNELS") == "*0\r\n" })
        }
    }
}
