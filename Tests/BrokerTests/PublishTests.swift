import RedisNIO
import TestSupport
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

    @Test func unfinishedFramesAreRefused() async throws {
        let broker = RedisBroker(endpoint: RedisEndpoint(host: "127.0.0.1", port: 1), logger: quietLogger)
        await #expect { try await broker.publish(Array("data: x\n".utf8), to: video("v")) } throws: {
            ($0 as? BrokerError)?.code == .internal
        }
    }

    @Test func awayIsUnavailable() async throws {
        let settings = makeBrokerSettings { $0.client.graceWait = .zero }
        let endpoint = RedisEndpoint(host: "127.0.0.1", port: try makeFreePort())
        let broker = RedisBroker(endpoint: endpoint, settings: settings, logger: quietLogger)
        try await withBackground({ try await broker.run() }) {
            await #expect { try await broker.publish(payload(1), to: video("v")) } throws: {
                ($0 as? BrokerError)?.code == .unavailable
            }
            #expect(!broker.isReady)
        }
    }
}
