import Broker
import InMemory
import Primitives
import RedisNIO
import Storage
import TestSupport
import Testbed
import Testing

@testable import Likes

/// Redis comes back with less than it had acknowledged: older, empty, or without one of its keys.
@Suite struct LostDataTests {
    enum Asker: CaseIterable {
        /// Was there before, and remembers.
        case same
        /// Knows nothing but Redis and the database.
        case new
    }

    @Test(arguments: Asker.allCases) func anOlderRedisIsReadAnew(asker: Asker) async throws {
        try await withOlderRedis { redis, broker, database, first async throws in
            func check(_ service: LikeService) async throws {
                #expect(try await service.isLiked(["p"], by: "b") == [true])
                #expect(try await service.totals(of: ["p"], isFresh: true)[0]?.count == 12)
                #expect(try await service.like("p", "b", false).changed)
                #expect(try await service.like("p", "c").changed == false)
                #expect(try await service.like("p", "d").changed)
                try await makeWorker(broker, database).drain()
                let members = try await database.members(of: "p")
                #expect(members == Set((0..<10).map { "old\($0)" } + ["c", "d"]))
                #expect(try await service.totals(of: ["p"], isFresh: true)[0]?.count == 12)
            }
            switch asker {
            case .same: try await check(first)
            case .new: try await withService(broker, likes: database) { try await check($0) }
            }
        }
    }

    @Test func repairDoesNotTrustAnOlderRedis() async throws {
        try await withOlderRedis { redis, broker, database, service async throws in
            let report = try await Reconciler(
                redis: broker.redis, likes: database, settings: service.settings, repairs: true, logger: quietLogger
            ).run()
            #expect(report.missingInRedis == 0)
            #expect(try await database.members(of: "p") == Set((0..<10).map { "old\($0)" } + ["b", "c"]))
            #expect(try await service.isLiked(["p"], by: "b") == [true])
        }
    }

    /// Ten like `p`, Redis saves, `b` and `c` like it, which reaches the database; then Redis dies and comes back as it
    /// was saved.
    private func withOlderRedis(
        _ body: (Node, RedisBroker, MemoryLikeStore, LikeService) async throws -> Void
    ) async throws {
        let database = MemoryLikeStore()
        try await withService(likes: database) { redis, broker, service async throws in
            for number in 0..<10 { try await service.like("p", "old\(number)") }
            #expect(try redis.command("SAVE").hasPrefix("+OK"))
            for user in ["b", "c"] { try await service.like("p", user) }
            try await makeWorker(broker, database).drain()
            await redis.kill()
            try await redis.start()
            try await body(redis, broker, database, service)
        }
    }

    /// The data goes back without a restart: a replica that lags becomes what everybody copies from. Nobody likes
    /// anything, so that only the worker can see it.
    @Test func aLaggingReplicaIsReadAnew() async throws {
        let database = MemoryLikeStore()
        try await withService(likes: database) { redis, broker, service async throws in
            try await withRedis { replica async throws in
                for number in 0..<10 { try await service.like("p", "old\(number)") }
                try replica.command("REPLICAOF", "127.0.0.1", "\(redis.port)")
                let isCopied = await eventually {
                    try replica.command("INFO", "replication").contains("master_link_status:up")
                }
                #expect(isCopied)
                try replica.command("REPLICAOF", "NO", "ONE")
                for user in ["b", "c"] { try await service.like("p", user) }
                try await makeWorker(broker, database).drain()
                try redis.command("REPLICAOF", "127.0.0.1", "\(replica.port)")
                #expect(
                    await eventually { try redis.command("INFO", "replication").contains("master_link_status:up") })
                try redis.command("REPLICAOF", "NO", "ONE")
                #expect(await eventually { try await service.isLiked(["p"], by: "b") == [true] })
                #expect(try await service.like("p", "c").changed == false)
                #expect(try await service.totals(of: ["p"], isFresh: true)[0]?.count == 12)
            }
        }
    }

    /// A worker has read entries, and Redis loses everything before they are in the database: they get there after the
    /// photo was loaded.
    @Test func whatAWorkerBringsAfterALossComesBack() async throws {
        let database = FaultyLikeStore()
        try await withService(likes: database) { redis, broker, service async throws in
            for number in 0..<20 { try await service.like("p", "user\(number)") }
            try await makeWorker(broker, database).drain()
            for number in 20..<40 { try await service.like("p", "user\(number)") }
            database.plan.withLock { $0.appliesAreAway = true }
            // One task reads all partitions in one step: in trouble it has the entries of all.
            let worker = makeWorker(broker, database, tasks: 1)
            try await withBackground({ await worker.run() }) { () async throws in
                #expect(await eventually { worker.health.reason != nil })
                try redis.command("FLUSHALL")
                for number in 40..<60 { try await service.like("p", "user\(number)") }
                #expect(try await service.totals(of: ["p"], isFresh: true)[0]?.count == 40)
                database.plan.withLock { $0.appliesAreAway = false }
                #expect(await eventually { try await service.totals(of: ["p"], isFresh: true)[0]?.count == 60 })
                #expect(await eventually { try await service.isLiked(["p"], by: "user30") == [true] })
            }
            // Its consumer, again: what that one had read is nobody else's for 30 s.
            try await makeWorker(broker, database, tasks: 1).drain()
            #expect(try await database.members(of: "p").count == 60)
        }
    }

    @Test func withoutADatabaseNobodyIsToldWhatRedisHasLost() async throws {
        try await withService(likes: nil) { redis, broker, first async throws in
            for number in 0..<30 { try await first.like("p", "user\(number)") }
            let before = try await first.total(of: "p")
            try redis.command("FLUSHALL")
            #expect(try await first.totals(of: ["p"], isFresh: true)[0]?.count == 0)
            try await first.like("p", "user1")
            let total = try await first.total(of: "p")
            #expect(total.count == 1)
            #expect(total.version > before.version)
            try await withService(broker, likes: nil) { second async throws in
                #expect(try await second.total(of: "p").count == 1)
            }
        }
    }

    @Test(arguments: [false, true]) func whateverKeyIsLostNothingIs(isInDatabase: Bool) async throws {
        for lost in ["sizes", "meta", "of:p"] {
            let database = MemoryLikeStore()
            try await withService(likes: database) { redis, broker, service async throws in
                for number in 0..<60 { try await service.like("p", "user\(number)") }
                for number in 0..<10 { try await service.like("p", "user\(number)", false) }
                if isInDatabase { try await makeWorker(broker, database).drain() }
                for partition in 0..<4 { try redis.command("DEL", "likes:{\(partition)}:\(lost)") }
                #expect(try await service.totals(of: ["p"], isFresh: true)[0]?.count == 50, "\(lost)")
                #expect(try await service.isLiked(["p"], by: "user3") == [false], "\(lost)")
                #expect(try await service.isLiked(["p"], by: "user30") == [true], "\(lost)")
                #expect(try await service.like("p", "user3").changed, "\(lost)")
                #expect(try await service.like("p", "user30").changed == false, "\(lost)")
                #expect(try await service.like("p", "user31", false).changed, "\(lost)")
                try await makeWorker(broker, database).drain()
                let members = try await database.members(of: "p")
                #expect(members == Set(([3] + (10..<31) + (32..<60)).map { "user\($0)" }), "\(lost)")
            }
        }
    }
}
