import RedisNIO
import TestSupport
import Testbed
import Testing
import Wire

@testable import Broker

@Suite struct PublishTests {
    @Test func positionsCountUpAndSubscribersGetTheWholeFrame() async throws {
        try await withBroker { redis, broker in
            try await withSubscriber(broker, to: [video("v1")]) { sink in
                let first = try await broker.publish(payload(1), to: video("v1"))
                let second = try await broker.publish(payload(2), to: video("v1"))
                try await broker.publishState(Array("event: likes\ndata: {}\n\n".utf8), to: video("v1"))
                #expect((first.offset, second.offset) == (1, 2))
                #expect(first.epoch == second.epoch && first.epoch.count == PositionRule.epochLength)
                #expect(await eventually { sink.messages.count == 3 })
                #expect(sink.messages.map(\.position) == [first, second, nil])
                #expect(text(sink.messages[0].frame) == "id: \(first)\ndata: {\"n\":1}\n\n")
                #expect(sink.messages[2].position == nil)
                #expect(sink.events.first == .established)
            }
        }
    }

    @Test func concurrentPublishesGetEachOffsetOnceAndArriveInOrder() async throws {
        try await withBroker { redis, broker in
            let channels = (0..<20).map { video("v\($0)") }
            try await withSubscriber(broker, to: channels) { sink in
                let offsets = try await withThrowingTaskGroup(of: (Channel, UInt64).self) { group in
                    for number in 0..<2000 {
                        let channel = channels[number % channels.count]
                        group.addTask { (channel, try await broker.publish(payload(number), to: channel).offset) }
                    }
                    return try await group.reduce(into: [Channel: Set<UInt64>]()) {
                        $0[$1.0, default: []].insert($1.1)
                    }
                }
                for channel in channels { #expect(offsets[channel] == Set(1...100)) }
                #expect(await eventually { sink.messages.count == 2000 })
                for channel in channels {
                    let seen = sink.messages.filter { $0.channel == channel }.compactMap(\.position?.offset)
                    #expect(seen == Array(1...100))
                }
            }
        }
    }

    @Test func keysExpireAndHistoryIsTrimmed() async throws {
        let settings = makeBrokerSettings { settings in
            settings.historyLength = 100
            settings.historyTTLSeconds = 500
            settings.positionTTLSeconds = 900
        }
        try await withBroker(settings: settings) { redis, broker in
            for number in 0..<1000 { _ = try await broker.publish(payload(number), to: video("v")) }
            #expect(try redis.command("TTL", video("v").historyKey) == ":500\r\n")
            #expect(try redis.command("TTL", video("v").positionKey) == ":900\r\n")
            let length = try #require(Int(redis.command("XLEN", video("v").historyKey).dropFirst().dropLast()))
            #expect((100...300).contains(length))
            let page = try await broker.history(of: video("v"), after: 0, through: nil, limit: 10_000)
            #expect(page.missing == [1...UInt64(1000 - length)])
            #expect(page.entries.map(\.offset) == Array(UInt64(1001 - length)...1000))
        }
    }

    @Test(arguments: ["position", "history", "both"])
    func wrongTypesBeginANewEpoch(which: String) async throws {
        try await withBroker { redis, broker in
            let old = try await broker.publish(payload(1), to: video("v"))
            for key in [video("v").positionKey, video("v").historyKey] where which == "both" || key.hasPrefix(which) {
                try redis.command("DEL", key)
                try redis.command("SADD", key, "foreign")
            }
            let page = try await broker.history(of: video("v"), after: 0, through: nil, limit: 10)
            #expect(page.entries.isEmpty)
            let new = try await broker.publish(payload(2), to: video("v"))
            #expect(new.offset == 1 && new.epoch != old.epoch)
            let after = try await broker.history(of: video("v"), after: 0, through: nil, limit: 10)
            #expect(after.position == new && after.entries.map(\.offset) == [1] && after.missing.isEmpty)
        }
    }

    @Test(arguments: [true, false])
    func aPositionThatIsLostOrBehindItsHistoryBeginsANewEpoch(isLost: Bool) async throws {
        try await withBroker { redis, broker in
            let old = try await broker.publish(payload(1), to: video("v"))
            if isLost {
                try redis.command("DEL", video("v").positionKey)
                #expect(try await broker.position(of: video("v")) == nil)
            } else {
                try redis.command("XADD", video("v").historyKey, "900-0", "p", "data: foreign\n\n")
            }
            let new = try await broker.publish(payload(2), to: video("v"))
            #expect(new.offset == 1 && new.epoch != old.epoch)
            #expect(try redis.command("XLEN", video("v").historyKey) == ":1\r\n")
        }
    }

    @Test func scriptIsLoadedAgainAfterScriptFlush() async throws {
        try await withBroker { redis, broker in
            #expect(try await broker.publish(payload(1), to: video("v")).offset == 1)
            try redis.command("SCRIPT", "FLUSH", "SYNC")
            #expect(try await broker.publish(payload(2), to: video("v")).offset == 2)
        }
    }

    @Test func outOfMemoryPublishesNothing() async throws {
        try await withBroker { redis, broker in
            try await withSubscriber(broker, to: [video("v")]) { sink in
                let before = try await broker.publish(payload(1), to: video("v"))
                try redis.command("CONFIG", "SET", "maxmemory", "1")
                await #expect { try await broker.publish(payload(2), to: video("v")) } throws: {
                    ($0 as? BrokerError)?.code == .overloaded
                }
                #expect(try await broker.position(of: video("v")) == before)
                try redis.command("CONFIG", "SET", "maxmemory", "0")
                #expect(try await broker.publish(payload(3), to: video("v")).offset == 2)
                #expect(await eventually { sink.messages.count == 2 })
                #expect(sink.messages.map(\.position?.offset) == [1, 2])
            }
        }
    }

    @Test(arguments: ["resetchannels", "-publish", "-get", "-set", "-xadd", "-expire", "-del"])
    func whatMayNotBePublishedIsNotWritten(rule: String) async throws {
        try await withBroker { redis, broker in
            let before = try await broker.publish(payload(1), to: video("v"))
            try redis.command("ACL", "SETUSER", "default", rule)
            for _ in 0..<3 {
                let error = await thrown(BrokerError.self) { _ = try await broker.publish(payload(2), to: video("v")) }
                #expect(error?.code == .denied)
            }
            try redis.command("ACL", "SETUSER", "default", "allchannels", "+@all")
            #expect(try redis.command("XLEN", video("v").historyKey) == ":1\r\n")
            let after = try await broker.publish(payload(3), to: video("v"))
            #expect(after == Position(offset: 2, epoch: before.epoch))
        }
    }

    @Test func aUserWithoutInfoAndClientPublishesAndSubscribes() async throws {
        try await withRedis { redis async throws in
            try redis.command("ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-info", "-client")
            let broker = RedisBroker(
                endpoint: try RedisEndpoint(parsing: "redis://app:secret@127.0.0.1:\(redis.port)"),
                settings: makeBrokerSettings(), logger: quietLogger)
            try await withBackground({ try await broker.run() }) { () async throws in
                try await withSubscriber(broker, to: [video("v")]) { sink async throws in
                    for number in 1...3 {
                        #expect(try await broker.publish(payload(number), to: video("v")).offset == UInt64(number))
                    }
                    #expect(await eventually { sink.messages.count == 3 })
                }
            }
        }
    }

    /// Everything that a broker does, by a user who may do what is named as needed and no more.
    @Test func whatIsNamedAsNeededIsEnough() async throws {
        try await withRedis { redis async throws in
            let needs =
                RedisBroker.Needs.publishing(to: [.video], as: ChannelNames(namespace: nil))
                + RedisBroker.Needs.subscribing(to: [.video], as: ChannelNames(namespace: nil), instance: "chorus")
            let commands = Set(
                needs.map { "+" + ($0[0] == "SCRIPT" ? "script|load" : $0[0].lowercased()) })
            for rule in ["on", ">secret", "-@all", "~position:*", "~history:*", "~names:*", "&video:*", "&probe:*"]
                + commands
            {
                #expect(try redis.command("ACL", "SETUSER", "app", rule) == "+OK\r\n")
            }
            let settings = makeBrokerSettings { $0.probeInterval = .milliseconds(20) }
            let broker = RedisBroker(
                endpoint: try RedisEndpoint(parsing: "redis://app:secret@127.0.0.1:\(redis.port)"),
                settings: settings, logger: quietLogger)
            try await withBackground({ try await broker.run() }) { () async throws in
                try await withSubscriber(broker, to: [video("v")]) { sink async throws in
                    let key = EventKey(suffix: payload(2))
                    let first = try await broker.publish(payload(1), to: video("v"))
                    _ = try await broker.publishOnce(payload(2), to: video("v"), unless: [key])
                    _ = try await broker.publish(payload(3), to: video("v"), named: "n", unless: [])
                    for result in await broker.publish(contentsOf: [
                        StreamEvent(channel: video("v"), payload: payload(4))
                    ]) {
                        _ = try result.get()
                    }
                    #expect(try await broker.find(key, in: video("v"))?.position.offset == 2)
                    #expect(try await broker.remove(first, from: video("v")))
                    #expect(try await broker.latest(of: video("v"), before: nil, limit: 9).count == 3)
                    let page = try await broker.history(of: video("v"), after: 1, through: nil, limit: 9)
                    let position = try await broker.position(of: video("v"))
                    #expect(page.position == position)
                    #expect(await eventually { sink.messages.count == 4 })
                    #expect(sink.count(.lost) == 0)
                }
            }
        }
    }

    @Test func unfinishedFramesAreRefused() async throws {
        let broker = RedisBroker(endpoint: RedisEndpoint(host: "127.0.0.1", port: 1), logger: quietLogger)
        await #expect { try await broker.publish(Array("data: x\n".utf8), to: video("v")) } throws: {
            ($0 as? BrokerError)?.code == .internal
        }
    }

    @Test func awayIsUnavailable() async throws {
        let settings = makeBrokerSettings { $0.client.graceWait = .zero }
        let endpoint = RedisEndpoint(host: "127.0.0.1", port: try Ports.one())
        let broker = RedisBroker(endpoint: endpoint, settings: settings, logger: quietLogger)
        try await withBackground({ try await broker.run() }) {
            await #expect { try await broker.publish(payload(1), to: video("v")) } throws: {
                ($0 as? BrokerError)?.code == .unavailable
            }
            #expect(!broker.isReady)
        }
    }
}
