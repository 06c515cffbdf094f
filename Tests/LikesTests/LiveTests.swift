import Broker
import Foundation
import InMemory
import Storage
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Likes

/// Keeps what comes on some channels, with the time.
final class Listener: SubscriptionSink {
    struct Heard: Sendable {
        let channel: Channel
        let at: ContinuousClock.Instant
        let text: String
    }

    private let heard = Mutex<[Heard]>([])
    private let live = Mutex<Set<Channel>>([])

    func all(_ channel: Channel) -> [Heard] { heard.withLock { $0.filter { $0.channel == channel } } }
    func isLive(_ channel: Channel) -> Bool { live.withLock { $0.contains(channel) } }
    func connectionEstablished() {}
    func subscribed(_ channels: [Channel]) { live.withLock { $0.formUnion(channels) } }
    func received(_ messages: [BrokerMessage]) {
        heard.withLock { heard in
            for message in messages {
                heard.append(
                    Heard(channel: message.channel, at: .now, text: String(decoding: message.frame, as: UTF8.self)))
            }
        }
    }
    func connectionLost() {}
}

/// A listener that is subscribed on entry.
func withListener<Value: Sendable>(
    _ broker: RedisBroker, _ channel: Channel, isolation: isolated (any Actor)? = #isolation,
    _ body: (Listener) async throws -> Value
) async throws -> Value {
    let listener = Listener()
    let subscriber = broker.makeSubscriber(listener)
    subscriber.subscribe([channel])
    return try await withBackground({ try await subscriber.run() }) {
        _ = await eventually { listener.isLive(channel) }
        return try await body(listener)
    }
}

@Suite struct LiveTests {
    private struct Count: Decodable {
        var photoid: String
        var count: Int64
        var version: Int64
    }

    private func counts(_ listener: Listener, _ channel: Channel) throws -> [Count] {
        try listener.all(channel).map { heard in
            let lines = heard.text.split(separator: "\n")
            #expect(lines.first == "event: likes")
            return try JSONDecoder().decode(Count.self, from: Data(lines[1].dropFirst("data: ".count).utf8))
        }
    }

    @Test func aHotPhotoIsHeardAFewTimesASecondAndTheLastValueIsExact() async throws {
        let channel = try #require(Channel.photo("p"))
        try await withRedis { redis async throws in
            try await withBroker(redis) { broker async throws in
                try await withListener(broker, channel) { listener async throws in
                    try await withDesk(broker, likes: nil, announces: true) { first async throws in
                        try await withDesk(broker, likes: nil, announces: true) { second async throws in
                            let end = ContinuousClock.now + .seconds(1)
                            var likes: Int64 = 0
                            while ContinuousClock.now < end {
                                try await (likes % 2 == 0 ? first : second).like("p", "user\(likes)")
                                likes += 1
                            }
                            let final = likes
                            #expect(await eventually { try counts(listener, channel).last?.count == final })
                            let heard = try counts(listener, channel)
                            let times = listener.all(channel).map(\.at)
                            let seconds = (times[times.count - 1] - times[0]) / .seconds(1)
                            // Both processes together keep to ten a second; at the end each may say the last value.
                            #expect(Double(heard.count) <= seconds * 10 + 4)
                            #expect(heard.count > 3)
                            #expect(heard.map(\.version) == heard.map(\.version).sorted())
                            #expect(heard.map(\.count) == heard.map(\.count).sorted())
                        }
                    }
                }
            }
        }
    }

    @Test func aReaderIsToldWhatRedisKnowsAndWhatOnlyTheRecordKnows() async throws {
        let channel = try #require(Channel.photo("p"))
        let record = MemoryLikeStore()
        try await withRedis { redis async throws in
            try await withBroker(redis) { broker async throws in
                let snapshots = LikeSnapshots(redis: broker.redis)
                #expect(try await snapshots.frames(of: [channel]).isEmpty)
                try await withListener(broker, channel) { listener async throws in
                    try await withDesk(broker, likes: record, announces: true) { desk async throws in
                        _ = await eventually {
                            (try? redis.command("EXISTS", LikeKeys.settings).contains(":1")) ?? false
                        }
                        for number in 0..<20 { try await desk.like("p", "user\(number)") }
                        #expect(await eventually { try counts(listener, channel).last?.count == 20 })
                        let frame = try #require(try await snapshots.frames(of: [channel])[channel])
                        #expect(String(decoding: frame, as: UTF8.self).contains("\"count\":20,"))
                        try await makeWorker(broker, record).drain()
                        try redis.command("FLUSHALL")
                        _ = await eventually {
                            (try? redis.command("EXISTS", LikeKeys.settings).contains(":1")) ?? false
                        }
                        let before = listener.all(channel).count
                        #expect(try await snapshots.frames(of: [channel]).isEmpty)
                        #expect(await eventually { listener.all(channel).count > before })
                        #expect(try counts(listener, channel).last?.count == 20)
                    }
                }
            }
        }
    }
}

@Suite struct NotificationTests {
    @Test func anOwnerHearsOfLikesOnceInGroups() async throws {
        let channel = try #require(Channel.user("owner"))
        try await withRecord { stores async throws in
            _ = try await stores.likes.register(photo: "p", owner: "owner")
            try await withRedis { redis async throws in
                try await withBroker(redis) { broker async throws in
                    try await withListener(broker, channel) { listener async throws in
                        try await withDesk(broker, likes: stores.likes) { desk async throws in
                            for number in 0..<42 { try await desk.like("p", "user\(number)") }
                            try await desk.like("p", "owner")
                            try await desk.like("nobodys", "user1")
                            try await makeWorker(broker, stores.likes).drain()
                            // A worker that died before it took its entries out: the same likes again.
                            try redis.command(
                                "XADD", LikeKeys.notifications, "*", "p", "p", "o", "owner", "u",
                                "\(WallTime.microseconds()) user1")
                            try redis.command("XADD", LikeKeys.notifications, "*", "rubbish", "x")
                            try await notify(broker, stores) {
                                await eventually {
                                    (try? redis.command("XLEN", LikeKeys.notifications).contains(":0")) ?? false
                                }
                            }
                            let page = try await stores.notifications.notifications(of: "owner", before: nil, limit: 10)
                            #expect(page.notifications.map(\.likers).reduce(0, +) == 42)
                            #expect(await eventually { !listener.all(channel).isEmpty })
                            let text = try #require(listener.all(channel).last?.text)
                            #expect(text.contains("event: notification\n"))
                            #expect(text.contains("others liked your photo"))
                            #expect(try redis.command("XLEN", LikeKeys.poisoned).contains(":1\r\n"))
                        }
                    }
                }
            }
        }
    }

    private func notify(_ broker: RedisBroker, _ stores: Stores, until done: () async -> Bool) async throws {
        var settings = NotificationWorkerSettings()
        settings.interval = .milliseconds(20)
        let worker = NotificationWorker(
            redis: broker.redis, broker: broker, notifications: stores.notifications, settings: settings, logger: logger
        )
        let isDone = try await withBackground({ await worker.run() }) { await done() }
        #expect(isDone)
    }

    @Test func theQueueIsBounded() async throws {
        let record = MemoryLikeStore()
        _ = try await record.register(photo: "p", owner: "owner")
        try await withRedis { redis async throws in
            try await withBroker(redis) { broker async throws in
                let queue = NotificationQueue(redis: broker.redis, likes: record, limit: 3)
                let changes = (0..<2_500).map {
                    LikeChange(photo: "p", user: "user\($0)", liked: true, version: Int64($0 + 1), at: 1)
                }
                try await queue.append(changes)
                #expect(try redis.command("XLEN", LikeKeys.notifications).contains(":3\r\n"))
            }
        }
    }

    @Test func saysWhoAndHowMany() {
        func text(_ likers: Int64) -> String {
            LikeNotification(
                id: 1, owner: "o", photo: "p", windowStart: 0, likers: likers, newestUser: "user9", newestAt: 0,
                isUnread: true
            ).text
        }
        #expect(text(1) == "user9 liked your photo")
        #expect(text(2) == "user9 and 1 other liked your photo")
        #expect(text(42) == "user9 and 41 others liked your photo")
    }
}

enum WallTime {
    static func microseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000) }
}
