import RedisNIO
import TestSupport
import Testbed
import Testing
import Wire

@testable import Broker

/// Batches, publishing once, and single events of a history, on Redis.
@Suite struct LogEventTests {
    private func key(_ number: Int) -> EventKey { EventKey(suffix: Array("{\"n\":\(number)}\n\n".utf8)) }

    private func offsets(_ results: [Result<Position, BrokerError>]) -> [UInt64?] {
        results.map { try? $0.get().offset }
    }

    @Test func aBatchKeepsItsOrder() async throws {
        try await withBroker { redis, broker in
            let events = (1...600).map { StreamEvent(channel: video("v\($0 % 3)"), payload: payload($0)) }
            let results = await broker.publish(contentsOf: events)
            let expected: [UInt64?] = (0..<600).map { UInt64($0 / 3 + 1) }
            #expect(offsets(results) == expected)
            let page = try await broker.latest(of: video("v1"), before: nil, limit: 3)
            #expect(page.map(\.payload) == [payload(598), payload(595), payload(592)])
            #expect(await broker.publish(contentsOf: []).isEmpty)
        }
    }

    @Test func aBatchLoadsTheScriptWhenRedisDoesNotKnowIt() async throws {
        try await withBroker { redis, broker in
            for round in 0..<2 {
                let events = (1...5).map { StreamEvent(channel: video("v"), payload: payload($0)) }
                let results = await broker.publish(contentsOf: events)
                let expected: [UInt64?] = (1...5).map { UInt64(5 * round + $0) }
                #expect(offsets(results) == expected)
                try redis.command("SCRIPT", "FLUSH", "SYNC")
            }
            #expect(try await broker.publishOnce(payload(9), to: video("v"), unless: [key(9)]).offset == 11)
            #expect(try await broker.find(key(9), in: video("v"))?.position.offset == 11)
            #expect(try await broker.publishOnce(payload(9), to: video("v"), unless: [key(9)]).offset == 11)
        }
    }

    @Test func aBatchFailsAsAWhole() async throws {
        try await withBroker { redis, broker in
            let good = StreamEvent(channel: video("v"), payload: payload(1))
            let unfinished = StreamEvent(channel: video("v"), payload: Array("data: x\n".utf8))
            #expect(offsets(await broker.publish(contentsOf: [good, unfinished])) == [nil, nil])
            let position = try await broker.position(of: video("v"))
            #expect(position == nil)
            await redis.kill()
            #expect(await eventually { !broker.isReady })
            for result in await broker.publish(contentsOf: [good, good]) {
                #expect((try? result.get()) == nil)
            }
        }
    }

    @Test func anEventIsPublishedOnceHoweverFarBackItIs() async throws {
        try await withBroker { redis, broker in
            let first = try await broker.publish(payload(0), to: video("v"))
            for start in stride(from: 1, through: 450, by: 90) {
                _ = await broker.publish(
                    contentsOf: (start..<start + 90).map { StreamEvent(channel: video("v"), payload: payload($0)) })
            }
            #expect(try await broker.publishOnce(payload(0), to: video("v"), unless: [key(0)]) == first)
            let other = EventKey(prefix: Array("event: none".utf8))
            #expect(try await broker.publishOnce(payload(0), to: video("v"), unless: [other, key(0)]) == first)
            #expect(try await broker.find(key(0), in: video("v"))?.position == first)
            #expect(try await broker.find(other, in: video("v")) == nil)
            let new = try await broker.publishOnce(payload(451), to: video("v"), unless: [key(451)])
            #expect(new.offset == 452)
            // A channel of its own has its own events.
            #expect(try await broker.publishOnce(payload(0), to: video("w"), unless: [key(0)]).offset == 1)
        }
    }

    @Test func aNamedEventIsPublishedOnceAndItsNameGoesWithIt() async throws {
        try await withBroker(settings: makeBrokerSettings { $0.historyLength = 100 }) { redis, broker in
            func publish(_ number: Int, unless others: [String] = []) async throws -> NamedPublication {
                try await broker.publish(payload(number), to: video("v"), named: "n\(number)", unless: others)
            }
            guard case .published(let first) = try await publish(0) else { return #expect(Bool(false)) }
            let event = PlacedEvent(position: first, payload: payload(0))
            #expect(try await publish(0) == .found(event))
            #expect(try await publish(1, unless: ["none", "n0"]) == .found(event))
            // Removed: the name leads nowhere.
            try await broker.remove(first, from: video("v"))
            #expect(try await publish(0) == .published(Position(offset: 2, epoch: first.epoch)))
            for number in 1...600 { _ = try await publish(number) }
            let names = try redis.command("ZCARD", video("v").namesKey)
            #expect(names == ":200\r\n", "the history's length, and what Redis trims late")
            guard case .published(let again) = try await publish(0) else { return #expect(Bool(false)) }
            #expect(again.offset == 603, "trimmed with the history")
            // Another value in its place, or a new epoch: names of before mean nothing.
            try redis.command("SET", video("v").namesKey, "something else")
            #expect(try await publish(700) == .published(Position(offset: 604, epoch: first.epoch)))
            #expect(try await publish(700) != .published(Position(offset: 605, epoch: first.epoch)))
            try redis.command("DEL", video("v").positionKey)
            guard case .published(let new) = try await publish(700) else { return #expect(Bool(false)) }
            #expect(new.offset == 1 && new.epoch != first.epoch)
            #expect(try redis.command("ZCARD", video("v").namesKey) == ":1\r\n")
        }
    }

    @Test func manyPublishersOfOneEventGetOnePlace() async throws {
        try await withBroker { redis, broker in
            let places = try await withThrowingTaskGroup(of: Position.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        try await broker.publishOnce(payload(1), to: video("v"), unless: [key(1)])
                    }
                }
                return try await group.reduce(into: Set<Position>()) { $0.insert($1) }
            }
            #expect(places.map(\.offset) == [1])
            #expect(try await broker.position(of: video("v"))?.offset == 1)
        }
    }

    @Test func whatIsRemovedIsShownToNobody() async throws {
        try await withBroker { redis, broker in
            var places: [Position] = []
            for number in 1...4 { places.append(try await broker.publish(payload(number), to: video("v"))) }
            let foreign = Position(offset: 3, epoch: "other")
            #expect(try await broker.remove(foreign, from: video("v")) == false)
            #expect(try await broker.remove(places[2], from: video("v")))
            #expect(try await broker.remove(places[2], from: video("v")) == false)
            let page = try await broker.history(of: video("v"), after: 0, through: nil, limit: 10)
            #expect(page.entries.map(\.offset) == [1, 2, 4] && page.missing.isEmpty)
            #expect(try await broker.find(key(3), in: video("v")) == nil)
            #expect(try await broker.latest(of: video("v"), before: 4, limit: 10).map(\.position.offset) == [2, 1])
            for before in 0...1 as ClosedRange<UInt64> {
                #expect(try await broker.latest(of: video("v"), before: before, limit: 10).isEmpty)
            }
        }
    }

    @Test(arguments: ["position", "history"])
    func wrongTypesHoldNothing(which: String) async throws {
        try await withBroker { redis, broker in
            let old = try await broker.publish(payload(1), to: video("v"))
            let name = which == "position" ? video("v").positionKey : video("v").historyKey
            try redis.command("DEL", name)
            try redis.command("SADD", name, "foreign")
            #expect(try await broker.find(key(1), in: video("v")) == nil)
            #expect(try await broker.latest(of: video("v"), before: nil, limit: 5).isEmpty)
            #expect(try await broker.remove(old, from: video("v")) == false)
            let new = try await broker.publishOnce(payload(1), to: video("v"), unless: [key(1)])
            #expect(new.offset == 1 && new.epoch != old.epoch)
        }
    }
}

@Suite struct FrameHeadTests {
    @Test func logFrame() {
        let frame = Array("id: 17.k3f9\ndata: {}\n\n".utf8)
        #expect(FrameHead.read(frame) == .log(Position(offset: 17, epoch: "k3f9")))
    }
}
