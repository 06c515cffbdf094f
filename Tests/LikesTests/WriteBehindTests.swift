import Broker
import InMemory
import Placement
import Primitives
import RedisNIO
import Storage
import TestSupport
import Testing

@testable import Likes

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
            let aside = try redis.command("XRANGE", LikeKeys.deadLetters, "-", "+")
            #expect(aside.contains("evil"))
            #expect(aside.contains("hello=world"))
            #expect(aside.contains("a field is missing"))
            #expect(try redis.command("XLEN", LikeKeys.deadLetters).contains(":5\r\n"))
        }
    }

    @Test func onePostgresDownAndUp() async throws {
        let server = try await PrivatePostgres()
        defer { server.stop() }
        try await withStores(url: try await server.makeDatabase()) { stores in
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
