import Broker
import InMemory
import Logging
import Primitives
import RedisNIO
import Storage
import Synchronization
import TestSupport
import Wire

@testable import Likes

let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Settings with short times, so that tests of faults are short.
func makeSettings(_ change: (inout LikeSettings) -> Void = { _ in }) -> LikeSettings {
    var settings = LikeSettings()
    settings.partitions = 4
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

/// A service that runs.
func withService<Value: Sendable>(
    _ broker: RedisBroker, likes: (any LikeStore)?, settings: LikeSettings = makeSettings(), announces: Bool = false,
    isolation: isolated (any Actor)? = #isolation, _ body: (LikeService) async throws -> Value
) async throws -> Value {
    let service = LikeService(
        redis: broker.redis, broker: announces ? broker : nil, likes: likes, settings: settings, logger: logger)
    return try await withBackground({ await service.run() }) { try await body(service) }
}

extension LikeService {
    @discardableResult
    func like(_ photo: String, _ user: String, _ liked: Bool = true) async throws -> LikeOutcome {
        try await apply(LikeIntent(photo: photo, user: user, liked: liked))
    }
}

func makeWorker(
    _ broker: RedisBroker, _ likes: any LikeStore, like: LikeSettings = makeSettings(), instance: String = "worker",
    claimAfter: Duration = .seconds(30)
) -> WriteBehindWorker {
    var settings = WriteBehindSettings()
    settings.instance = instance
    settings.interval = .milliseconds(10)
    settings.claimAfter = claimAfter
    return WriteBehindWorker(redis: broker.redis, likes: likes, settings: settings, like: like, logger: logger)
}

extension LikeStore {
    /// Everybody who likes a photo.
    func members(of photo: String) async throws -> Set<String> {
        var members: Set<String> = []
        try await forEachPage(of: photo, in: 0..<Int16(UserSlot.count), limit: 50_000) { members.formUnion($0) }
        return members
    }
}

/// Everybody whom Redis has as a liker of a photo.
func redisMembers(_ service: LikeService, _ photo: String) async throws -> Set<String> {
    let commands = (0..<service.settings.partitions).map {
        RedisCommand("SMEMBERS", service.store.keys($0).members(photo))
    }
    return Set(try await service.store.send(commands).flatMap { $0.array ?? [] }.compactMap(\.text))
}

/// A database that counts, delays and fails on demand, around another.
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

    func counts(of photos: [String]) async throws(StorageError) -> [String: Int64] {
        try await reach()
        return try await inner.counts(of: photos)
    }

    func isLiked(photo: String, by user: String) async throws(StorageError) -> Bool {
        try await reach()
        return try await inner.isLiked(photo: photo, by: user)
    }

    func likers(of photo: String, before: LikersCursor?, limit: Int) async throws(StorageError) -> Page<
        Liker, LikersCursor
    > {
        try await reach()
        return try await inner.likers(of: photo, before: before, limit: limit)
    }

    func members(
        of photo: String, in slots: Range<Int16>, after: LikeMember?, limit: Int
    ) async throws(StorageError) -> Page<LikeMember, LikeMember> {
        try await reach()
        if slots.count < UserSlot.count { plan.withLock { $0.membersReads += 1 } }
        return try await inner.members(of: photo, in: slots, after: after, limit: limit)
    }

    func count(of photo: String, in slots: Range<Int16>) async throws(StorageError) -> Int64 {
        try await reach()
        return try await inner.count(of: photo, in: slots)
    }

    func newestVersion(of photo: String, in slots: Range<Int16>) async throws(StorageError) -> Int64 {
        try await reach()
        return try await inner.newestVersion(of: photo, in: slots)
    }

    func photos(after: String?, limit: Int) async throws(StorageError) -> [PhotoCount] {
        try await reach()
        return try await inner.photos(after: after, limit: limit)
    }

    func recount(photo: String) async throws(StorageError) -> CountRepair {
        try await reach()
        return try await inner.recount(photo: photo)
    }

    func purgeTombstones(olderThan age: Duration, limit: Int) async throws(StorageError) -> Int {
        try await reach()
        return try await inner.purgeTombstones(olderThan: age, limit: limit)
    }
}
