import RedisNIO
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Likes

@Suite struct LoadTests {
    /// A record in which `users` like the photo.
    private func makeRecord(_ photo: String, _ users: [String]) async throws -> FaultyLikeStore {
        let record = FaultyLikeStore()
        _ = try await record.apply(
            users.enumerated().map { LikeChange(photo: photo, user: $1, liked: true, version: Int64($0) + 1, at: 1) })
        return record
    }

    @Test func anEmptyRedisIsFilledOnceUnderConcurrency() async throws {
        let users = (0..<500).map { "user\($0)" }
        let record = try await makeRecord("p", users)
        record.plan.withLock { $0.pause = .milliseconds(5) }
        try await withRedis { redis async throws in
            try await withBroker(redis) { broker async throws in
                try await withDesk(broker, likes: record) { first async throws in
                    try await withDesk(broker, likes: record) { second async throws in
                        // Everybody again, and everybody new, over both: the old likes are no news, the new ones are.
                        let changed = try await withThrowingTaskGroup(of: Bool.self) { group in
                            for number in 0..<1_000 {
                                let desk = number % 2 == 0 ? first : second
                                group.addTask { try await desk.like("p", "user\(number)").changed }
                            }
                            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                        }
                        #expect(changed == 500)
                        #expect(try await first.totals(of: ["p"], isFresh: true)[0]?.count == 1_000)
                        #expect(record.plan.withLock { $0.membersReads } == first.settings.parts)
                    }
                }
            }
        }
    }

    @Test func afterALossCountsAndMembersComeBack() async throws {
        let record = FaultyLikeStore()
        try await withRedis { redis async throws in
            try await withBroker(redis) { broker async throws in
                try await withDesk(broker, likes: record) { desk async throws in
                    for number in 0..<100 { try await desk.like("p", "user\(number)") }
                    try await desk.like("p", "user0", false)
                    let before = try #require(try await desk.totals(of: ["p"], isFresh: true)[0])
                    try await makeWorker(broker, record).drain()
                    try redis.command("FLUSHALL")
                    desk.counts.forget("p")
                    let asked = try #require(try await desk.totals(of: ["p"], isFresh: true)[0])
                    #expect(asked.count == 99)
                    #expect(asked.version > before.version)
                    #expect(try await desk.isLiked(["p"], by: "user5") == [true])
                    #expect(try await desk.isLiked(["p"], by: "user0") == [false])
                    #expect(try await desk.like("p", "user5").changed == false)
                    #expect(try await desk.like("p", "user0").changed)
                    let after = try #require(try await desk.totals(of: ["p"], isFresh: true)[0])
                    #expect(after.count == 100)
                    #expect(after.version > asked.version)
                    try await makeWorker(broker, record).drain()
                    #expect(try await record.members(of: "p").count == 100)
                }
            }
        }
    }

    @Test func aLostSetIsLoadedWithWhatStillWaitsForTheRecord() async throws {
        let record = FaultyLikeStore()
        try await withRedis { redis async throws in
            try await withBroker(redis) { broker async throws in
                try await withDesk(broker, likes: record) { desk async throws in
                    for number in 0..<100 { try await desk.like("p", "user\(number)") }
                    for number in 0..<10 { try await desk.like("p", "user\(number)", false) }
                    // Nothing has reached the record yet; now the sets are gone, as after an eviction.
                    for part in 0..<desk.settings.parts { try redis.command("DEL", desk.store.keys(part).members("p")) }
                    #expect(try await desk.totals(of: ["p"], isFresh: true)[0]?.count == 90)
                    #expect(try await desk.isLiked(["p"], by: "user50") == [true])
                    #expect(try await desk.isLiked(["p"], by: "user5") == [false])
                    #expect(try await desk.like("p", "user50").changed == false)
                    #expect(try await desk.like("p", "user5").changed)
                    #expect(try await desk.like("p", "new").changed)
                    #expect(try await desk.totals(of: ["p"], isFresh: true)[0]?.count == 92)
                    for number in 10..<100 { #expect(try await desk.like("p", "user\(number)").changed == false) }
                    #expect(try await redisMembers(desk, "p").count == 92)
                }
            }
        }
    }

    @Test func withoutTheRecordWhatIsInRedisGoesOn() async throws {
        let record = FaultyLikeStore()
        try await withRedis { redis async throws in
            try await withBroker(redis) { broker async throws in
                try await withDesk(broker, likes: record, settings: makeSettings { $0.parts = 1 }) {
                    desk async throws in
                    try await desk.like("p", "a")
                    record.plan.withLock { $0.isAway = true }
                    #expect(try await desk.like("p", "b").changed)
                    #expect(try await desk.total(of: "p").count == 2)
                    do {
                        try await desk.like("unknown", "a")
                        Issue.record("liked what has to be loaded")
                    } catch {
                        #expect((error as? LikeError)?.code == .recordUnavailable)
                    }
                    record.plan.withLock { $0.isAway = false }
                    #expect(try await desk.like("unknown", "a").changed)
                }
            }
        }
    }

    @Test func onlyRegisteredPhotosWhereThatIsRequired() async throws {
        let record = FaultyLikeStore()
        _ = try await record.register(photo: "mine", owner: "me")
        try await withRedis { redis async throws in
            try await withBroker(redis) { broker async throws in
                let settings = makeSettings { $0.requiresRegistration = true }
                try await withDesk(broker, likes: record, settings: settings) { desk async throws in
                    #expect(try await desk.like("mine", "a").changed)
                    #expect(try await desk.totals(of: ["mine", "other"]).map { $0?.count } == [1, nil])
                    do {
                        try await desk.like("other", "a")
                        Issue.record("liked what nobody registered")
                    } catch {
                        #expect((error as? LikeError)?.code == .unknownPhoto)
                    }
                }
            }
        }
    }

    @Test func aLoaderThatDiedHoldsNobodyUpForLong() async throws {
        let record = try await makeRecord("p", ["a", "b"])
        try await withRedis { redis async throws in
            try await withBroker(redis) { broker async throws in
                try await withDesk(broker, likes: record, settings: makeSettings { $0.parts = 1 }) {
                    desk async throws in
                    let keys = desk.store.keys(0)
                    try redis.command("SET", keys.lock("p"), "of-a-dead-process", "PX", "300")
                    try redis.command("SADD", keys.loading("p"), "rubbish")
                    #expect(try await desk.like("p", "c").changed)
                    #expect(try await redisMembers(desk, "p") == ["a", "b", "c"])
                }
            }
        }
    }

    @Test func anAcknowledgementMayWaitForTheRecord() async throws {
        let record = FaultyLikeStore()
        try await withRedis { redis async throws in
            try await withBroker(redis) { broker async throws in
                let settings = makeSettings { $0.durability = .postgres }
                try await withDesk(broker, likes: record, settings: settings) { desk async throws in
                    _ = try await record.register(photo: "p", owner: "owner")
                    try await desk.like("p", "a")
                    #expect(try await record.members(of: "p") == ["a"])
                    // It still goes the way of all changes: owners are told on that way.
                    #expect(try await desk.backlog() == 1)
                    try await makeWorker(broker, record).drain()
                    #expect(try redis.command("XLEN", LikeKeys.notifications).contains(":1\r\n"))
                    for part in 0..<desk.settings.parts { try await desk.like("q", "user\(part)") }
                    record.plan.withLock { $0.isAway = true }
                    // Twice: the second time Redis has it already, and that is still no acknowledgement.
                    for _ in 0..<2 {
                        do {
                            try await desk.like("p", "a", false)
                            Issue.record("acknowledged without the record")
                        } catch {
                            #expect((error as? LikeError)?.code == .recordUnavailable)
                        }
                    }
                    record.plan.withLock { $0.isAway = false }
                    do {
                        try await desk.like("p", "a", false)
                        Issue.record("the record does not have it yet")
                    } catch {}
                    try await makeWorker(broker, record).drain()
                    #expect(try await desk.like("p", "a", false).changed == false)
                    #expect(try await record.members(of: "p").isEmpty)
                }
            }
        }
    }
}
