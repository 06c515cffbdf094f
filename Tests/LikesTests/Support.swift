import Broker
import InMemory
import Logging
import Primitives
import RedisNIO
import Storage
import Synchronization
import TestSupport

@testable import Likes

let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Settings with short times, so that tests of faults are short.
func makeSettings(_ change: (inout LikeSettings) -> Void = { _ in }) -> LikeSettings {
    var settings = LikeSettings()
    settings.parts = 4
    settings.loadTimeout = .seconds(5)
    change(&settings)
    return settings
}

/// A broker on `redis` that is connected on entry.
func withBroker<Value: Sendable>(
    _ redis: PrivateRedis, isolation: isolated (any Actor)? = #isolation,
    _ body: (RedisBroker) async throws -> Value
) async throws -> Value {
    var settings = RedisBrokerSettings()
    settings.client.backoff = Backoff(base: .milliseconds(5), cap: .milliseconds(50))
    settings.client.graceWait = .seconds(2)
    let broker = RedisBroker(endpoint: try RedisEndpoint(parsing: redis.url), settings: settings, logger: logger)
    return try await withBackground({ try await broker.run() }) {
        _ = await eventually { broker.isReady }
        return try await body(broker)
    }
}

/// A desk that runs.
func withDesk<Value: Sendable>(
    _ broker: RedisBroker, likes: (any LikeStore)?, settings: LikeSettings = makeSettings(), announces: Bool = false,
    isolation: isolated (any Actor)? = #isolation, _ body: (LikeDesk) async throws -> Value
) async throws -> Value {
    let desk = LikeDesk(
        redis: broker.redis, broker: announces ? broker : nil, likes: likes, settings: settings, logger: logger)
    return try await withBackground({ await desk.run() }) { try await body(desk) }
}

extension LikeDesk {
    @discardableResult
    func like(_ photo: String, _ user: String, _ liked: Bool = true) async throws -> LikeOutcome {
        try await apply(LikeIntent(photo: photo, user: user, liked: liked))
    }
}

func makeWorker(
    _ broker: RedisBroker, _ likes: any LikeStore, like: LikeSettings = makeSettings(), instance: String = "worker",
    claimAfter: Duration = .seconds(30)
) -> RecordWorker {
    var settings = RecordWorkerSettings()
    settings.instance = instance
    settings.interval = .milliseconds(10)
    settings.claimAfter = claimAfter
    return RecordWorker(redis: broker.redis, likes: likes, settings: settings, like: like, logger: logger)
}

extension LikeStore {
    /// Everybody who likes a photo.
    func members(of photo: String) async throws -> Set<String> {
        var members: Set<String> = []
        var cursor: MembersCursor?
        repeat {
            let page = try await self.members(of: photo, part: 0, parts: 1, after: cursor, limit: 50_000)
            members.formUnion(page.members.map(\.user))
            cursor = page.next
        } while cursor != nil
        return members
    }
}

/// Everybody whom Redis has as a liker of a photo.
func redisMembers(_ desk: LikeDesk, _ photo: String) async throws -> Set<String> {
    let commands = (0..<desk.settings.parts).map { RedisCommand("SMEMBERS", desk.store.keys($0).members(photo)) }
    return Set(try await desk.store.send(commands).flatMap { $0.array ?? [] }.compactMap(\.text))
}

/// A record that counts, delays and fails on demand, around another.
final class FaultyLikeStore: LikeStore {
    struct Plan: Sendable {
        var isAway = false
        var membersReads = 0
        var applied = 0
        /// Changes that make a whole batch fail for good.
        var poison: Set<String> = []
        var pause: Duration = .zero
    }

    let inner: any LikeStore
    let plan = Mutex(Plan())

    init(_ inner: any LikeStore = MemoryLikeStore()) {
        self.inner = inner
    }

    var isReady: Bool { plan.withLock { !$0.isAway } }

    private func reach() async throws(StorageError) {
        let pause = plan.withLock { $0.pause }
        if pause > .zero { try? await Task.sleep(for: pause) }
        if plan.withLock({ $0.isAway }) { throw StorageError(.unavailable, "away") }
    }

    func apply(_ changes: [LikeChange]) async throws(StorageError) -> LikeBatchOutcome {
        try await reach()
        let poison = plan.withLock { plan in
            plan.applied += 1
            return plan.poison
        }
        if changes.contains(where: { poison.contains($0.user) }) { throw StorageError(.internal, "poison") }
        return try await inner.apply(changes)
    }

    func register(photo: String, owner: String) async throws(StorageError) -> String {
        try await reach()
        return try await inner.register(photo: photo, owner: owner)
    }

    func owners(of photos: [String]) async throws(StorageError) -> [String: String] {
        try await reach()
        return try await inner.owners(of: photos)
    }

    func counts(of photos: [String]) async throws(StorageError) -> [String: Int64] {
        try await reach()
        return try await inner.counts(of: photos)
    }

    func isLiked(photo: String, by user: String) async throws(StorageError) -> Bool {
        try await reach()
        return try await inner.isLiked(photo: photo, by: user)
    }

    func likers(of photo: String, before: LikersCursor?, limit: Int) async throws(StorageError) -> LikersPage {
        try await reach()
        return try await inner.likers(of: photo, before: before, limit: limit)
    }

    func members(
        of photo: String, part: Int, parts: Int, after: MembersCursor?, limit: Int
    ) async throws(StorageError) -> MembersPage {
        try await reach()
        if parts > 1 { plan.withLock { $0.membersReads += 1 } }
        return try await inner.members(of: photo, part: part, parts: parts, after: after, limit: limit)
    }

    func count(of photo: String, part: Int, parts: Int) async throws(StorageError) -> Int64 {
        try await reach()
        return try await inner.count(of: photo, part: part, parts: parts)
    }

    func newestVersion(of photo: String, part: Int, parts: Int) async throws(StorageError) -> Int64 {
        try await reach()
        return try await inner.newestVersion(of: photo, part: part, parts: parts)
    }

    func photos(after: String?, limit: Int) async throws(StorageError) -> [PhotoCount] {
        try await reach()
        return try await inner.photos(after: after, limit: limit)
    }

    func recount(photo: String) async throws(StorageError) -> CountRepair {
        try await reach()
        return try await inner.recount(photo: photo)
    }

    func purgeWithdrawn(olderThan age: Duration, limit: Int) async throws(StorageError) -> Int {
        try await reach()
        return try await inner.purgeWithdrawn(olderThan: age, limit: limit)
    }
}
