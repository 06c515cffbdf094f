import Primitives
import RedisNIO
import Storage
import TestSupport
import Testbed
import Testing
import Wire

@testable import Likes

@Suite struct LoadTests {
    /// A database in which `users` like the photo.
    private func makeDatabase(_ photo: String, _ users: [String]) async throws -> FaultyLikeStore {
        let database = FaultyLikeStore()
        _ = try await database.apply(
            users.enumerated().map { LikeChange(photo: photo, user: $1, liked: true, version: Int64($0) + 1, at: 1) })
        return database
    }

    private let onePartition = makeSettings { $0.partitions = 1 }

    @Test func anEmptyRedisIsFilledOnceUnderConcurrency() async throws {
        let users = (0..<500).map { "user\($0)" }
        let database = try await makeDatabase("p", users)
        database.plan.withLock { $0.pause = .milliseconds(5) }
        try await withService(likes: database) { redis, broker, first async throws in
            try await withService(broker, likes: database) { second async throws in
                // Everybody again, and everybody new, over both: the old likes are no news, the new ones are.
                let changed = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<1_000 {
                        let service = number % 2 == 0 ? first : second
                        group.addTask { try await service.like("p", "user\(number)").changed }
                    }
                    return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(changed == 500)
                #expect(try await first.totals(of: ["p"], isFresh: true)[0]?.count == 1_000)
                #expect(database.plan.withLock { $0.membersReads } == first.settings.partitions)
            }
        }
    }

    @Test func afterALossCountsAndMembersComeBack() async throws {
        let database = FaultyLikeStore()
        try await withService(likes: database) { redis, broker, service async throws in
            for number in 0..<100 { try await service.like("p", "user\(number)") }
            try await service.like("p", "user0", false)
            let before = try #require(try await service.totals(of: ["p"], isFresh: true)[0])
            try await makeWorker(broker, database).drain()
            try redis.command("FLUSHALL")
            let asked = try #require(try await service.totals(of: ["p"], isFresh: true)[0])
            #expect(asked.count == 99)
            #expect(asked.version > before.version)
            #expect(try await service.isLiked(["p"], by: "user5") == [true])
            #expect(try await service.isLiked(["p"], by: "user0") == [false])
            #expect(try await service.like("p", "user5").changed == false)
            #expect(try await service.like("p", "user0").changed)
            let after = try #require(try await service.totals(of: ["p"], isFresh: true)[0])
            #expect(after.count == 100)
            #expect(after.version > asked.version)
            try await makeWorker(broker, database).drain()
            #expect(try await database.members(of: "p").count == 100)
        }
    }

    @Test func aLostSetIsLoadedWithWhatStillWaitsForTheDatabase() async throws {
        let database = FaultyLikeStore()
        try await withService(likes: database) { redis, broker, service async throws in
            for number in 0..<100 { try await service.like("p", "user\(number)") }
            for number in 0..<10 { try await service.like("p", "user\(number)", false) }
            // Nothing has reached the database yet; now the sets are gone, as after an eviction.
            for partition in 0..<service.settings.partitions {
                try redis.command("DEL", service.store.keys(partition).members("p"))
            }
            #expect(try await service.totals(of: ["p"], isFresh: true)[0]?.count == 90)
            #expect(try await service.isLiked(["p"], by: "user50") == [true])
            #expect(try await service.isLiked(["p"], by: "user5") == [false])
            #expect(try await service.like("p", "user50").changed == false)
            #expect(try await service.like("p", "user5").changed)
            #expect(try await service.like("p", "new").changed)
            #expect(try await service.totals(of: ["p"], isFresh: true)[0]?.count == 92)
            for number in 10..<100 { #expect(try await service.like("p", "user\(number)").changed == false) }
            #expect(try await redisMembers(service, "p").count == 92)
        }
    }

    @Test func withoutTheDatabaseWhatIsInRedisGoesOn() async throws {
        let database = FaultyLikeStore()
        try await withService(likes: database, settings: onePartition) { redis, broker, service async throws in
            try await service.like("p", "a")
            database.plan.withLock { $0.isAway = true }
            #expect(try await service.like("p", "b").changed)
            #expect(try await service.total(of: "p").count == 2)
            #expect(await service.failure("unknown", "a") == .databaseUnavailable)
            database.plan.withLock { $0.isAway = false }
            #expect(try await service.like("unknown", "a").changed)
        }
    }

    @Test func onlyRegisteredPhotosWhereThatIsRequired() async throws {
        let database = FaultyLikeStore()
        _ = try await database.register(photo: "mine", owner: "me")
        let settings = makeSettings { $0.requiresRegistration = true }
        try await withService(likes: database, settings: settings) { redis, broker, service async throws in
            #expect(try await service.like("mine", "a").changed)
            #expect(try await service.totals(of: ["mine", "other"]).map { $0?.count } == [1, nil])
            #expect(await service.failure("other", "a") == .unknownPhoto)
        }
    }

    @Test func aLoaderThatDiedHoldsNobodyUpForLong() async throws {
        let database = try await makeDatabase("p", ["a", "b"])
        try await withService(likes: database, settings: onePartition) { redis, broker, service async throws in
            let keys = service.store.keys(0)
            let start = ContinuousClock.now
            try redis.command("SET", keys.lock("p"), "of-a-dead-process", "PX", "300")
            try redis.command("SADD", keys.loading("p"), "rubbish")
            #expect(try await service.like("p", "c").changed)
            // Nor is it robbed of its time.
            #expect(ContinuousClock.now - start > .milliseconds(290))
            #expect(try await redisMembers(service, "p") == ["a", "b", "c"])
        }
    }

    /// Another process still adds pages to the set that is being built, though it has lost the lock.
    @Test func aSetThatIsNotWhatWasLoadedIsNotUsed() async throws {
        let database = try await makeDatabase("p", ["a", "b"])
        try await withService(likes: database, settings: onePartition) { redis, broker, service async throws in
            let keys = service.store.keys(0)
            database.plan.withLock {
                $0.beforePage = { if $0 == 1 { _ = try? redis.command("SADD", keys.loading("p"), "stale") } }
            }
            #expect(try await service.like("p", "c").changed)
            // It is loaded once more.
            #expect(database.plan.withLock { $0.pagesRead } == 2)
            #expect(try await redisMembers(service, "p") == ["a", "b", "c"])
        }
    }

    /// Redis's clock has stepped back by a minute since a process took the lock and died.
    @Test func aClockThatStepsBackHoldsNobodyUp() async throws {
        let database = try await makeDatabase("p", ["a"])
        try await withService(likes: database, settings: onePartition) { redis, broker, service async throws in
            try redis.command("SET", service.store.keys(0).lock("p"), "of-a-dead-process", "PX", "70000")
            #expect(try await service.like("p", "b").changed)
        }
    }

    /// The holder of the lock stalls until lock and half-built set have expired, and another process has loaded the set
    /// and let go; then it goes on with the second page.
    @Test func aLoaderThatStalledDoesNotCutTheSetShort() async throws {
        let users = (0..<15_000).map { "user\($0)" }
        let database = try await makeDatabase("p", users)
        try await withService(likes: database, settings: onePartition) { redis, broker, service async throws in
            let keys = service.store.keys(0)
            database.plan.withLock {
                $0.beforePage = { number in
                    guard number == 2 else { return }
                    _ = try? redis.command("DEL", keys.lock("p"), keys.loading("p"))
                }
            }
            #expect(try await service.like("p", "new").changed)
            #expect(try await redisMembers(service, "p") == Set(users + ["new"]))
        }
    }

    @Test func anUnlikeOfWhatNobodyLikesLeavesNothing() async throws {
        let database = try await makeDatabase("p", ["a"])
        try await withService(likes: database) { redis, broker, service async throws in
            for photo in ["p"] + (0..<50).map({ "none\($0)" }) {
                #expect(try await service.like(photo, "b", false).changed == false)
                #expect(try await service.total(of: photo).count == (photo == "p" ? 1 : 0))
            }
            let fields = try await service.store.send(
                (0..<4).map { RedisCommand("HKEYS", service.store.keys($0).sizes) })
            #expect(fields.flatMap { $0.array ?? [] }.compactMap(\.text).filter { Identifier.isValid($0) } == [])
            // And it is still a like afterwards, and an unlike of a like.
            #expect(try await service.like("none0", "b").changed)
            #expect(try await service.like("p", "a", false).changed)
        }
    }

    @Test func aPageOfColdPhotosIsTwoQuestions() async throws {
        let photos = (0..<200).map { "p\($0)" }
        let database = FaultyLikeStore()
        _ = try await database.apply(
            photos.map { LikeChange(photo: $0, user: "me", liked: $0.hasSuffix("7"), version: 1, at: 1) })
        try await withService(likes: database) { redis, broker, service async throws in
            database.plan.withLock { $0.calls = 0 }
            let counts = try await service.totals(of: photos).map { $0?.count }
            let liked = try await service.isLiked(photos, by: "me")
            #expect(counts == photos.map { $0.hasSuffix("7") ? 1 : 0 })
            #expect(liked == photos.map { $0.hasSuffix("7") })
            #expect(database.plan.withLock { $0.calls } <= 2 + service.settings.partitions)
        }
    }

    @Test func theQueueIsBoundedAlsoWhileAPhotoIsLoaded() async throws {
        let database = try await makeDatabase("p", ["a"])
        database.plan.withLock { $0.pause = .milliseconds(200) }
        let settings = makeSettings {
            $0.queueMax = 10
            $0.partitions = 1
        }
        try await withService(likes: database, settings: settings) { redis, broker, service async throws in
            let outcomes = Mutex((liked: 0, refused: 0))
            for number in 0..<500 {
                service.submit(LikeIntent(photo: "p", user: "u\(number)", liked: true)) { result in
                    outcomes.withLock { outcomes in
                        if case .failure(let error) = result {
                            outcomes.refused += error.code == .overloaded ? 1 : 1_000
                        } else {
                            outcomes.liked += 1
                        }
                    }
                }
                try await Task.sleep(for: .microseconds(200))
            }
            #expect(await eventually { outcomes.withLock { $0.liked + $0.refused } == 500 })
            // What waits, and what was taken and then had to wait for the load.
            #expect((1...30).contains(outcomes.withLock { $0.liked }))
            let total = try await service.totals(of: ["p"], isFresh: true)[0]
            #expect(total?.count == Int64(outcomes.withLock { $0.liked }) + 1)
        }
    }

    @Test func anAcknowledgementMayWaitForTheDatabase() async throws {
        let settings = makeSettings { $0.durability = .postgres }
        try await withStores { stores async throws in
            let database = FaultyLikeStore(stores.likes)
            try await withService(likes: database, settings: settings) { redis, broker, service async throws in
                _ = try await database.register(photo: "p", owner: "owner")
                try await service.like("p", "a")
                #expect(try await database.members(of: "p") == ["a"])
                // Its owner is notified with it, and not again when it comes the way of all changes.
                #expect(try await service.backlog() == 1)
                #expect(try await stores.outboxRows() == 1)
                try await makeWorker(broker, database).drain()
                #expect(try await stores.outboxRows() == 1)
                for partition in 0..<service.settings.partitions {
                    try await service.like("q", "user\(partition)")
                }
                database.plan.withLock { $0.isAway = true }
                // Twice: the second time Redis has it already, and that is still no acknowledgement.
                for _ in 0..<2 {
                    #expect(await service.failure("p", "a", false) == .databaseUnavailable)
                }
                database.plan.withLock { $0.isAway = false }
                // The database does not have it yet.
                #expect(await service.failure("p", "a", false) != nil)
                // It has it when it is looked at again.
                let worker = makeWorker(broker, database)
                database.plan.withLock { plan in
                    plan.looks = 0
                    plan.beforeLook = { if $0 == 2 { try? await worker.drain() } }
                }
                #expect(try await service.like("p", "a", false).changed == false)
                #expect(database.plan.withLock { $0.looks } == 2)
                #expect(try await database.members(of: "p").isEmpty)
            }
        }
    }
}
