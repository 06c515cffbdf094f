import Broker
import InMemory
import Placement
import PostgresLibpq
import Primitives
import RedisNIO
import TestSupport
import Testbed
import Testing

@testable import Likes
@testable import Storage

@Suite struct WriteBehindTests {
    /// Likes from anybody, workers that die at any point, entries that come again and out of order: the database has
    /// what the users wanted last. The same seed makes the same likes.
    @Test(arguments: 0..<4 as Range<UInt64>) func repetitionsAndDeathsDoNoHarm(seed: UInt64) async throws {
        let database = MemoryLikeStore()
        try await withService(likes: database) { redis, broker, service async throws in
            var random = SplitMix64(seed: seed)
            var truth: [String: Set<String>] = ["p": [], "q": []]
            for round in 0..<10 {
                for _ in 0..<30 {
                    let photo = Bool.random(using: &random) ? "p" : "q"
                    let user = "user\(Int.random(in: 0..<20, using: &random))"
                    let liked = Bool.random(using: &random)
                    let was = truth[photo]?.contains(user) ?? false
                    #expect(try await service.like(photo, user, liked).changed == (was != liked))
                    if liked { truth[photo]?.insert(user) } else { truth[photo]?.remove(user) }
                }
                try await dieInTheMiddle(broker, database, round: round, random: &random)
            }
            let worker = makeWorker(broker, database, instance: "last", claimAfter: .milliseconds(20))
            try await withBackground({ await worker.run() }) { () async throws in
                #expect(await eventually { try await service.backlog() == 0 })
            }
            for photo in ["p", "q"] {
                #expect(try await database.members(of: photo) == truth[photo])
                #expect(try await redisMembers(service, photo) == truth[photo])
            }
        }
    }

    /// A worker that reads, applies some of it in any order and more than once, and is never seen again.
    private func dieInTheMiddle(
        _ broker: RedisBroker, _ database: MemoryLikeStore, round: Int, random: inout SplitMix64
    ) async throws {
        var consumer = StreamConsumer(
            redis: broker.redis, streams: (0..<4).map { PartitionKeys($0).changes }, consumer: "mortal\(round)",
            claimAfter: .seconds(30))
        _ = try await consumer.read(count: 3)
        let entries = try await consumer.read(count: Int.random(in: 1...20, using: &random)).flatMap { $0 }
        for entry in entries.shuffled(using: &random) where Bool.random(using: &random) {
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                _ = try await database.apply(ChangeEntry(entry).changes)
            }
        }
    }

    @Test func theDatabaseAwayOnlyDelays() async throws {
        let database = FaultyLikeStore()
        try await withService(likes: database) { redis, broker, service async throws in
            for number in 0..<20 { try await service.like("p", "first\(number)") }
            database.plan.withLock { $0.isAway = true }
            let worker = makeWorker(broker, database)
            try await withBackground({ await worker.run() }) { () async throws in
                for number in 0..<50 { #expect(try await service.like("p", "user\(number)").changed) }
                #expect(try await service.backlog() == 70)
                database.plan.withLock { $0.isAway = false }
                #expect(await eventually { try await service.backlog() == 0 })
            }
            #expect(try await database.members(of: "p").count == 70)
        }
    }

    @Test func deadLettersHoldUpNothing() async throws {
        let database = FaultyLikeStore()
        database.plan.withLock { $0.poison = ["evil"] }
        try await withService(likes: database) { redis, broker, service async throws in
            for user in ["a", "evil", "b"] { try await service.like("p", user) }
            for partition in 0..<4 {
                try redis.command("XADD", service.store.keys(partition).changes, "*", "hello", "world")
            }
            for user in ["c", "d"] { try await service.like("p", user) }
            try await makeWorker(broker, database).drain()
            #expect(try await database.members(of: "p") == ["a", "b", "c", "d"])
            #expect(try await service.backlog() == 0)
            let letters = DeadLetters(redis: broker.redis)
            let aside = try await letters.list(limit: 100)
            #expect(aside.count == 5)
            #expect(aside.count { $0.reason == "poison" } == 1)
            #expect(aside.count { $0.reason == "a field is missing or no number" } == 4)
            #expect(aside.count { $0.fields == [["hello", "world"]] } == 4)
            #expect(try await letters.list(after: aside[1].id, limit: 2).map(\.id) == aside[2...3].map(\.id))

            // The cause is gone: what was aside is put back, once however often it is asked for.
            database.plan.withLock { $0.poison = [] }
            let now = WallTime.microseconds()
            let evil = try #require(aside.first { $0.reason == "poison" })
            #expect(try await letters.replay(evil.id, now: now + 31 * 86_400_000_000) == .tooOld)
            #expect(try await letters.replay(evil.id, now: now) == .replayed)
            #expect(try await letters.replay(evil.id, now: now) == .gone)
            #expect(try await service.backlog() == 1)
            try await makeWorker(broker, database).drain()
            #expect(try await database.members(of: "p") == ["a", "b", "c", "d", "evil"])
            #expect(try await service.isLiked(["p"], by: "evil") == [true])
            #expect(try await service.totals(of: ["p"], isFresh: true)[0]?.count == 5)
            try redis.command("XADD", LikeKeys.deadLetters, "*", "stream", "likes:{0}:changes", "entry", "of old")
            let old = try #require(try await letters.list(limit: 100).last)
            #expect(try await letters.replay(old.id, now: now) == .unusable)
        }
    }

    /// Nothing is dropped from the dead letters: the workers wait, and then likes are refused.
    @Test func noDeadLetterIsLost() async throws {
        let database = FaultyLikeStore()
        database.plan.withLock { $0.poison = ["evil"] }
        try await withService(likes: database) { redis, broker, service async throws in
            for number in 0..<DeadLetters.lengthMax {
                try redis.command("XADD", LikeKeys.deadLetters, "*", "number", "\(number)")
                if number % 500 == 0 { await Task.yield() }
            }
            try await service.like("p", "evil")
            let worker = makeWorker(broker, database)
            try await withBackground({ await worker.run() }) { () async throws in
                #expect(await eventually { worker.health.reason?.contains("dead letters") == true })
                #expect(try await service.backlog() == 1)
                try redis.command("XTRIM", LikeKeys.deadLetters, "MAXLEN", "10")
                #expect(await eventually { try await service.backlog() == 0 })
                #expect(await eventually { worker.health.reason == nil })
            }
            #expect(try await DeadLetters(redis: broker.redis).list(limit: 100).last?.reason == "poison")
        }
    }

    /// Only a fault of the data goes aside. A table that is away is none: everything waits for it.
    @Test func aMissingTableOnlyDelays() async throws {
        let onePartition = makeSettings { $0.partitions = 1 }
        try await withStores { stores async throws in
            let database = FaultyLikeStore(stores.likes)
            try await withService(likes: database, settings: onePartition) { redis, broker, service async throws in
                try await service.like("p", "first")
                let worker = makeWorker(broker, database, like: onePartition)
                try await worker.drain()
                try await stores.pool.execute("ALTER TABLE likes RENAME TO likes_elsewhere")
                for number in 0..<200 { try await service.like("p", "user\(number)") }
                try await withBackground({ await worker.run() }) { () async throws in
                    // All of it again and again, and never a part of it.
                    let hasTried = await eventually {
                        let sizes = database.plan.withLock { $0.applied }
                        return try redis.command("EXISTS", LikeKeys.deadLetters).contains(":1")
                            || sizes.suffix(3) == [200, 200, 200]
                    }
                    #expect(hasTried)
                    try await stores.pool.execute("ALTER TABLE likes_elsewhere RENAME TO likes")
                    #expect(await eventually { try await service.backlog() == 0 })
                }
                #expect(try await stores.likes.counts(of: ["p"])["p"] == 201)
                #expect(try redis.command("EXISTS", LikeKeys.deadLetters).contains(":0"))
            }
        }
    }

    @Test func oldNotificationsAreDeleted() async throws {
        try await withStores { stores async throws in
            func event(_ photo: String, at time: Int64) -> NotifyEvent {
                NotifyEvent(.like, user: "u", at: time, photo: photo, owner: "owner")
            }
            _ = try await stores.notifications.add([event("old", at: 1), event("new", at: WallTime.microseconds())])
            try await withBroker { redis, broker async throws in
                var settings = WriteBehindSettings()
                settings.purgeInterval = .milliseconds(10)
                let worker = WriteBehindWorker(
                    redis: broker.redis, likes: stores.likes, notifications: stores.notifications, settings: settings,
                    like: makeSettings(), logger: quietLogger)
                let left = try await withBackground({ await worker.run() }) { () async throws in
                    #expect(await eventually { try await stores.notifications.unreadCount(of: "owner") == 1 })
                    return try await stores.notifications.notifications(of: "owner", before: nil, limit: 9).items
                }
                #expect(left.map(\.photo) == ["new"])
            }
        }
    }

    /// During a rolling upgrade: what a newer process wrote stays for those who can read it.
    @Test func whatANewerProcessWroteIsLeftToIt() async throws {
        let database = MemoryLikeStore()
        try await withService(likes: database) { redis, broker, service async throws in
            for number in 0..<40 { try await service.like("p", "user\(number)") }
            let changes = service.store.keys(0).changes
            try redis.command("XADD", changes, "*", "f", "2", "n", "1", "x", "unheard-of")
            for number in 40..<80 { try await service.like("p", "user\(number)") }
            try await makeWorker(broker, database).drain()
            #expect(try await database.members(of: "p").count == 80)
            #expect(try redis.command("XLEN", changes).contains(":1\r\n"))
            #expect(try redis.command("EXISTS", LikeKeys.deadLetters).contains(":0"))
            // Nor does it hold up a worker that comes back under its name.
            for number in 80..<120 { try await service.like("p", "user\(number)") }
            try await makeWorker(broker, database).drain()
            #expect(try await database.members(of: "p").count == 120)
        }
    }

    @Test func onePostgresDownAndUp() async throws {
        try await withPostgres { server, url in
            try await withStores(url: url) { stores in
                try await withService(likes: stores.likes) { redis, broker, service async throws in
                    for number in 0..<200 { try await service.like("p", "user\(number)") }
                    let worker = makeWorker(broker, stores.likes)
                    try await withBackground({ await worker.run() }) { () async throws in
                        #expect(await eventually { try await stores.likes.counts(of: ["p"])["p"] == 200 })
                        await server.kill()
                        for number in 100..<300 {
                            let changed = try await service.like("p", "user\(number)").changed
                            #expect(changed == (number >= 200))
                        }
                        #expect(try await service.like("p", "user0", false).changed)
                        #expect(try await service.totals(of: ["p"], isFresh: true)[0]?.count == 299)
                        try await server.start()
                        #expect(await eventually(within: 30) { try await service.backlog() == 0 })
                    }
                    #expect(try await stores.likes.members(of: "p") == redisMembers(service, "p"))
                    #expect(try await stores.likes.counts(of: ["p"])["p"] == 299)
                }
            }
        }
    }
}
