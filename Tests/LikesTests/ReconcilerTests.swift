import Broker
import InMemory
import Storage
import TestSupport
import Testbed
import Testing

@testable import Likes

@Suite struct ReconcilerTests {
    @Test func findsAndRepairsEveryKindOfDifference() async throws {
        try await withStores { stores async throws in
            try await withService(likes: stores.likes) { redis, broker, service async throws in
                for number in 0..<60 { try await service.like("p", "user\(number)") }
                try await service.like("q", "a")
                try await makeWorker(broker, stores.likes).drain()
                func run(repairs: Bool) async throws -> ReconcileReport {
                    var reconciler = Reconciler(
                        redis: broker.redis, likes: stores.likes, settings: service.settings, repairs: repairs,
                        logger: quietLogger)
                    reconciler.patience = .milliseconds(10)
                    return try await reconciler.run()
                }
                let clean = try await run(repairs: false)
                #expect(clean.differences == 0)
                #expect(clean.photos == 2)
                #expect(clean.members == 61)
                // What is on its way is no difference.
                try await service.like("p", "late")
                #expect(try await run(repairs: false).differences == 0)

                // The database lost a like and has one too many, of versions that Redis has given out; a set is gone from
                // Redis.
                let version = WallTime.microseconds()
                for number in 0..<60 { try await service.like("r", "user\(number)") }
                try await makeWorker(broker, stores.likes).drain()
                _ = try await stores.likes.apply([
                    LikeChange(photo: "p", user: "user1", liked: false, version: version, at: version),
                    LikeChange(photo: "p", user: "ghost", liked: true, version: version, at: version),
                ])
                let partition = service.store.partition(of: "a")
                try redis.command("DEL", service.store.keys(partition).members("q"))
                let found = try await run(repairs: false)
                #expect(found.missingInRecord == 1)
                #expect(found.missingInRedis == 1)
                #expect(found.wrongSizes == 1)
                #expect(!found.isRepaired)
                #expect(try await run(repairs: true).isRepaired)
                #expect(try await run(repairs: false).differences == 0)
                #expect(try await stores.likes.members(of: "p") == redisMembers(service, "p"))
                #expect(try await stores.likes.counts(of: ["p"])["p"] == 61)
                #expect(try await redisMembers(service, "q") == ["a"])
            }
        }
    }
}

@Suite struct PhotoCensusTests {
    @Test func countsMembersOneByOne() async throws {
        try await withBroker { redis, broker async throws in
            #expect(try await PhotoCensus(redis: broker.redis) == nil)
            try await withService(broker, likes: MemoryLikeStore()) { service async throws in
                #expect(await eventually { try await PhotoCensus(redis: broker.redis) != nil })
                let census = try #require(try await PhotoCensus(redis: broker.redis))
                for number in 0..<300 { try await service.like("p", "user\(number)") }
                try await service.like("p", "user7", false)
                var found: Set<String> = []
                try await census.members(of: "p") { found.formUnion($0) }
                #expect(found == Set((0..<300).map { "user\($0)" }).subtracting(["user7"]))
                #expect(try await census.count(of: "p") == 299)
                #expect(try await census.backlog() == 301)
                try await census.members(of: "none") { _ in Issue.record("somebody likes what nobody likes") }
            }
        }
    }
}
