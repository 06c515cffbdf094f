import Broker
import InMemory
import RedisNIO
import Storage
import TestSupport
import Testbed
import Testing

@testable import Likes

/// Likes on a cluster: the partitions of one photo are on all nodes.
@Suite struct ClusterTests {
    private func withService(
        likes: (any LikeStore)?, _ body: (RedisCluster, RedisBroker, LikeService) async throws -> Void
    ) async throws {
        try await withTestbed { testbed in
            let cluster = try await testbed.startRedisCluster()
            try await withBroker(url: cluster.url) { broker in
                let settings = makeSettings { $0.partitions = 16 }
                let service = LikeService(
                    redis: broker.redis, broker: broker, likes: likes, settings: settings, logger: quietLogger)
                try await withBackground({ await service.run() }) { try await body(cluster, broker, service) }
            }
        }
    }

    @Test(arguments: [false, true]) func countsAreExactOverAllNodes(hasDatabase: Bool) async throws {
        let database = MemoryLikeStore()
        try await withService(likes: hasDatabase ? database : nil) { cluster, broker, service in
            let users = (0..<120).map { "u\($0)" }
            let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
                for user in users { group.addTask { try await service.like("hot", user).changed } }
                return try await group.reduce(into: [Bool]()) { $0.append($1) }
            }
            #expect(outcomes.allSatisfy { $0 })
            for user in users.prefix(40) { #expect(try await service.like("hot", user, false).changed) }
            #expect(try await service.like("hot", "u50").changed == false)
            #expect(try await service.totals(of: ["hot", "cold"], isFresh: true).map { $0?.count } == [80, 0])
            #expect(try await service.isLiked(["hot"], by: "u50") == [true])
            #expect(try await redisMembers(service, "hot") == Set(users.dropFirst(40)))
            #expect(Set((0..<16).map { broker.redis.server(of: service.store.keys($0).sizes) }).count == 3)
            guard hasDatabase else { return }
            var settings = WriteBehindSettings()
            settings.interval = .milliseconds(10)
            let worker = WriteBehindWorker(
                redis: broker.redis, likes: database, settings: settings, like: makeSettings { $0.partitions = 16 },
                logger: quietLogger)
            try await worker.drain()
            #expect(try await database.members(of: "hot") == Set(users.dropFirst(40)))
        }
    }

    /// Clocks of nodes differ: one node's is the time of all.
    @Test func timeIsOneNodes() async throws {
        try await withService(likes: nil) { cluster, broker, service in
            for _ in 0..<10 { _ = try await service.store.read(["hot"]) }
            let asked = try cluster.masters.filter {
                try $0.command("INFO", "commandstats").contains("cmdstat_time:")
            }
            #expect(asked.count == 1 && asked[0].port == broker.redis.server(of: LikeKeys.settings)?.port)
        }
    }

    /// Dead letters are on one node, whichever node the stream is on; what is put back is put back once.
    @Test func deadLettersCrossNodes() async throws {
        try await withService(likes: MemoryLikeStore()) { _, broker, service in
            let store = service.store
            let letters = DeadLetters(redis: broker.redis)
            for partition in 0..<16 {
                let letter = DeadLetter(
                    id: "\(partition)-1", reason: "poison", fields: [.init(name: "n", value: "1")])
                try await store.ack([("1-1", 1)], deadLetters: [letter], partition: partition, epoch: "")
                // What is not known to be done is done again.
                try await store.ack([("1-1", 1)], deadLetters: [letter], partition: partition, epoch: "")
            }
            let listed = try await letters.list(limit: 100)
            #expect(listed.map(\.partition) == Array(0..<16))
            for letter in listed { #expect(try await letters.replay(letter.id, now: 0) == .replayed) }
            for letter in listed { #expect(try await letters.replay(letter.id, now: 0) == .gone) }
            #expect(try await letters.list(limit: 100).isEmpty)
            for partition in 0..<16 {
                #expect(try await store.entries(partition: partition, after: "-", limit: 10).count == 1)
            }
        }
    }
}
