import Broker
import Foundation
import InMemory
import PostgresLibpq
import TestSupport
import Testbed
import Testing
import Wire

@testable import Likes
@testable import Storage

@Suite struct LiveTests {
    private struct Count: Decodable {
        var photoid: String
        var count: Int64
        var version: Int64
    }

    private func counts(_ sink: RecordingSink) throws -> [Count] {
        try sink.messages.map { message in
            let lines = String(decoding: message.frame, as: UTF8.self).split(separator: "\n")
            #expect(lines.first == "event: likes")
            return try JSONDecoder().decode(Count.self, from: Data(lines[1].dropFirst("data: ".count).utf8))
        }
    }

    @Test func aHotPhotoIsHeardAFewTimesASecondAndTheLastValueIsExact() async throws {
        let channel = try #require(Channel.photo("p"))
        try await withBroker { redis, broker async throws in
            try await withSubscriber(broker, to: [channel]) { sink async throws in
                try await withService(broker, likes: nil, announces: true) { first async throws in
                    try await withService(broker, likes: nil, announces: true) { second async throws in
                        let end = ContinuousClock.now + .seconds(1)
                        var likes: Int64 = 0
                        while ContinuousClock.now < end {
                            try await (likes % 2 == 0 ? first : second).like("p", "user\(likes)")
                            likes += 1
                        }
                        let final = likes
                        #expect(await eventually { try counts(sink).last?.count == final })
                        let heard = try counts(sink)
                        let seconds = sink.duration / .seconds(1)
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

    /// Redis's clock steps back while a photo has used up its share: for Redis the share then ends in a minute.
    @Test func aClockThatStepsBackSilencesNobody() async throws {
        let channel = try #require(Channel.photo("p"))
        try await withBroker { redis, broker async throws in
            try await withSubscriber(broker, to: [channel]) { sink async throws in
                try await withService(broker, likes: nil, announces: true) { service async throws in
                    try redis.command("SET", LikeKeys.announced("p"), "1", "PX", "60000")
                    try await service.like("p", "a")
                    #expect(await eventually(within: 3) { try counts(sink).last?.count == 1 })
                }
            }
        }
    }

    @Test func aReaderIsToldWhatRedisKnowsAndWhatOnlyTheDatabaseKnows() async throws {
        let channel = try #require(Channel.photo("p"))
        let database = MemoryLikeStore()
        try await withBroker { redis, broker async throws in
            let snapshots = LikeSnapshots(redis: broker.redis)
            #expect(try await snapshots.frames(of: [channel]).isEmpty)
            try await withSubscriber(broker, to: [channel]) { sink async throws in
                try await withService(broker, likes: database, announces: true) { service async throws in
                    _ = await eventually { try redis.command("EXISTS", LikeKeys.settings).contains(":1") }
                    for number in 0..<20 { try await service.like("p", "user\(number)") }
                    #expect(await eventually { try counts(sink).last?.count == 20 })
                    let frame = try #require(try await snapshots.frames(of: [channel])[channel])
                    #expect(String(decoding: frame, as: UTF8.self).contains("\"count\":20,"))
                    try await makeWorker(broker, database).drain()
                    try redis.command("FLUSHALL")
                    _ = await eventually { try redis.command("EXISTS", LikeKeys.settings).contains(":1") }
                    let before = sink.messages.count
                    #expect(try await snapshots.frames(of: [channel]).isEmpty)
                    #expect(await eventually { sink.messages.count > before })
                    #expect(try counts(sink).last?.count == 20)
                }
            }
        }
    }
}

@Suite struct NotificationTests {
    @Test func anOwnerHearsOfLikesOnceInGroups() async throws {
        let channel = try #require(Channel.user("owner"))
        try await withSystem { stores, broker, service in
            try await withSubscriber(broker, to: [channel]) { sink async throws in
                for number in 0..<42 { try await service.like("p", "user\(number)") }
                try await service.like("p", "owner")
                try await service.like("nobodys", "user1")
                var entries: [ChangeEntry] = []
                for partition in 0..<service.settings.partitions {
                    entries += try await service.store.entries(partition: partition, after: "-", limit: 100)
                }
                try await makeWorker(broker, stores.likes).drain()
                // One row for each of the worker's two tasks, however many likes there are.
                let batches = try await stores.outboxRows()
                #expect((1...2).contains(batches))
                // A worker that died before it took its entries out: the same likes again.
                _ = try await stores.likes.apply(entries.flatMap(\.changes))
                #expect(try await stores.outboxRows() == batches)
                try await add(
                    "[{\"photo\":\"p\",\"owner\":\"owner\",\"user\":\"user1\",\"at\":\(WallTime.microseconds())}]",
                    stores)
                try await add("{\"rubbish\":1}", stores)
                try await relay(broker, stores) { await eventually { (try? await stores.outboxRows()) == 0 } }
                let page = try await stores.notifications.notifications(of: "owner", before: nil, limit: 10)
                #expect(page.items.map(\.likers).reduce(0, +) == 42)
                #expect(await eventually { !sink.messages.isEmpty })
                let text = String(decoding: try #require(sink.messages.last).frame, as: UTF8.self)
                #expect(text.contains("event: notification\n"))
                #expect(text.contains("others liked your photo"))
                #expect(try await stores.outboxRows(dead: true) == 1)
            }
        }
    }

    /// A worker that has stored the notifications and dies, one whose lease ran out while it did: nothing counts twice,
    /// nothing is lost.
    @Test func aWorkerThatDiesAnywhereLosesAndRepeatsNothing() async throws {
        try await withSystem { stores, broker, service in
            for number in 0..<10 { try await service.like("p", "user\(number)") }
            try await makeWorker(broker, stores.likes).drain()
            var short = OutboxRelay.Settings()
            short.lease = .milliseconds(1)
            let settings = short
            let handler = NotificationHandler(notifications: stores.notifications, broker: broker, logger: quietLogger)
            // Claims and dies before it has handled anything.
            let mortal = OutboxRelay(pool: stores.pool, topic: .notify, settings: settings, logger: quietLogger) {
                rows in
                #expect(!rows.isEmpty)
                throw StorageError(.unavailable, "dies")
            }
            await #expect(throws: StorageError.self) { try await mortal.relay() }
            #expect(try await stores.outboxRows() > 0)
            // Two at once with the same rows, as when a lease is too short: one of them stores them.
            let slow = OutboxRelay(pool: stores.pool, topic: .notify, settings: settings, logger: quietLogger) { rows in
                try await Task.sleep(for: .milliseconds(20))
                let other = OutboxRelay(
                    pool: stores.pool, topic: .notify, settings: settings, logger: quietLogger, handler: handler.handle)
                // The first time it takes everything.
                _ = try await other.relay()
                try await handler.handle(rows)
            }
            _ = try await slow.relay()
            let page = try await stores.notifications.notifications(of: "owner", before: nil, limit: 10)
            #expect(page.items.map(\.likers).reduce(0, +) == 10)
            #expect(try await stores.outboxRows() == 0)
        }
    }

    /// Everything around: PostgreSQL with a photo `p` of `owner`, Redis, a service.
    private func withSystem(_ body: (Stores, RedisBroker, LikeService) async throws -> Void) async throws {
        try await withStores { stores async throws in
            _ = try await stores.likes.register(photo: "p", owner: "owner")
            try await withService(likes: stores.likes) { redis, broker, service async throws in
                try await body(stores, broker, service)
            }
        }
    }

    private func add(_ payload: String, _ stores: Stores) async throws {
        try await stores.pool.execute(
            "INSERT INTO outbox (topic, payload) VALUES ('notify', $1::text::jsonb)", [.text(payload)])
    }

    private func relay(_ broker: RedisBroker, _ stores: Stores, until done: () async -> Bool) async throws {
        var settings = OutboxRelay.Settings()
        settings.interval = .milliseconds(20)
        let handler = NotificationHandler(notifications: stores.notifications, broker: broker, logger: quietLogger)
        let relay = OutboxRelay(
            pool: stores.pool, topic: .notify, settings: settings, logger: quietLogger, handler: handler.handle)
        let isDone = try await withBackground({ await relay.run() }) { await done() }
        #expect(isDone)
    }

    @Test func saysWhoAndHowMany() {
        func text(_ likers: Int64) -> String {
            UserNotification(
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
