import InMemory
import Placement
import Primitives
import RedisNIO
import Storage
import TestSupport
import Testbed
import Testing

@testable import Likes

@Suite struct LikeServiceTests {
    @Test(arguments: [false, true]) func eachUserCountsOnce(hasDatabase: Bool) async throws {
        try await withService(likes: hasDatabase ? MemoryLikeStore() : nil) { redis, broker, service async throws in
            #expect(try await service.total(of: "p").count == 0)
            #expect(try await service.like("p", "a").changed)
            #expect(try await service.like("p", "a").changed == false)
            let one = try await service.total(of: "p")
            #expect(one.count == 1)
            for user in ["b", "c", "d", "e"] { try await service.like("p", user) }
            #expect(try await service.total(of: "p").count == 5)
            #expect(try await service.like("p", "nobody", false).changed == false)
            #expect(try await service.like("p", "a", false).changed)
            #expect(try await service.like("p", "a", false).changed == false)
            let four = try await service.total(of: "p")
            #expect(four.count == 4)
            #expect(four.version > one.version)
            #expect(try await service.isLiked(["p", "q"], by: "b") == [true, false])
            #expect(try await service.isLiked(["p"], by: "a") == [false])
            #expect(try await service.totals(of: ["q", "p"]).map { $0?.count } == [0, 4])
        }
    }

    /// Many users, each one after its own mind, over two processes at once: the sets, the counts, what was answered
    /// and what went to the database all agree with what the users wanted last.
    @Test(arguments: [1, 2] as [UInt64]) func twoProcessesStayExact(seed: UInt64) async throws {
        let database = MemoryLikeStore()
        try await withService(likes: database) { redis, broker, first async throws in
            try await withService(broker, likes: database) { second async throws in
                let truth = try await storm(first, second, users: 400, seed: seed)
                for photo in ["hot", "warm"] {
                    #expect(try await redisMembers(first, photo) == truth[photo])
                    for service in [first, second] {
                        let total = try await service.totals(of: [photo], isFresh: true)[0]
                        #expect(total?.count == Int64(truth[photo]?.count ?? -1))
                    }
                }
                try await makeWorker(broker, database).drain()
                for photo in ["hot", "warm"] {
                    #expect(try await database.members(of: photo) == truth[photo])
                    #expect(try await database.counts(of: [photo])[photo] == Int64(truth[photo]?.count ?? -1))
                }
                #expect(try await first.backlog() == 0)
            }
        }
    }

    /// - Returns: who likes each photo in the end.
    private func storm(_ first: LikeService, _ second: LikeService, users: Int, seed: UInt64) async throws -> [String:
        Set<
            String
        >]
    {
        try await withThrowingTaskGroup(of: (String, String, Bool, Int).self) { group in
            for user in 0..<users {
                for photo in ["hot", "warm"] {
                    group.addTask {
                        var random = SplitMix64(seed: seed &+ UInt64(user) &* 31 &+ UInt64(photo.utf8.count))
                        var likes = false
                        var changes = 0
                        for _ in 0..<Int.random(in: 1...6, using: &random) {
                            likes = Bool.random(using: &random)
                            let service = Bool.random(using: &random) ? first : second
                            let outcome = try await service.like(photo, "user\(user)", likes)
                            changes += outcome.changed ? 1 : 0
                        }
                        return (photo, "user\(user)", likes, changes)
                    }
                }
            }
            var truth: [String: Set<String>] = ["hot": [], "warm": []]
            for try await (photo, user, likes, changes) in group {
                if likes { truth[photo]?.insert(user) }
                // Changes alternate, beginning with a like.
                #expect(changes % 2 == (likes ? 1 : 0))
            }
            return truth
        }
    }

    @Test func anAnswersCountHoldsItsOwnEffect() async throws {
        let settings = makeSettings { $0.countAgeMax = .seconds(3_600) }
        try await withService(likes: nil, settings: settings) { redis, broker, service async throws in
            for number in 1...200 {
                try await service.like("p", "user\(number)")
                #expect(try await service.total(of: "p").count == Int64(number))
            }
        }
    }

    @Test func whenTheStreamIsFullNothingIsDropped() async throws {
        let database = FaultyLikeStore()
        let settings = makeSettings { $0.streamMax = 40 }
        try await withService(likes: database, settings: settings) { redis, broker, service async throws in
            var accepted: Set<String> = []
            var refused = 0
            for number in 0..<200 {
                do {
                    try await service.like("p", "user\(number)")
                    accepted.insert("user\(number)")
                } catch {
                    #expect((error as? LikeError)?.code == .backlogFull)
                    refused += 1
                }
            }
            #expect(accepted.count == 40)
            #expect(refused == 160)
            #expect(try await redisMembers(service, "p") == accepted)
            try await makeWorker(broker, database, like: settings).drain()
            #expect(try await database.members(of: "p") == accepted)
            #expect(try await service.like("p", "late").changed)
        }
    }

    @Test func redisAwayIsAnErrorAndComesBack() async throws {
        try await withService(likes: nil) { redis, broker, service async throws in
            try await service.like("p", "a")
            await redis.kill()
            #expect([.unavailable, .timeout].contains(await service.failure("p", "b")))
            try await redis.start()
            #expect(await eventually { try await service.like("p", "c").changed })
        }
    }

    @Test func whoDisagreesAboutThePartitionsTakesNothing() async throws {
        try await withService(likes: nil) { redis, broker, first async throws in
            try await first.like("p", "a")
            #expect(await eventually { try redis.command("EXISTS", LikeKeys.settings).contains(":1") })
            try await withService(broker, likes: nil, settings: makeSettings { $0.partitions = 8 }) {
                second async throws in
                #expect(await eventually { second.hasConflict })
                await #expect(throws: LikeError.self) { try await second.like("p", "b") }
                #expect(!first.hasConflict)
            }
        }
    }

    @Test func theQueueIsBounded() async throws {
        let settings = makeSettings {
            $0.queueMax = 10
            $0.partitions = 1
        }
        try await withService(likes: nil, settings: settings) { redis, broker, service async throws in
            redis.pause()
            let refused = Mutex(0)
            let done = Mutex(0)
            for number in 0..<1_000 {
                service.submit(LikeIntent(photo: "p", user: "u\(number)", liked: true)) { result in
                    if case .failure(let error) = result, error.code == .overloaded {
                        refused.withLock { $0 += 1 }
                    }
                    done.withLock { $0 += 1 }
                }
            }
            #expect(refused.withLock { $0 } > 0)
            redis.resume()
            #expect(await eventually { done.withLock { $0 } == 1_000 })
            let expected = 1_000 - refused.withLock { $0 }
            #expect(try await service.totals(of: ["p"], isFresh: true)[0]?.count == Int64(expected))
        }
    }
}
