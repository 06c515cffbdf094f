import Broker
import InMemory
import Primitives
import RedisNIO
import Storage
import TestSupport
import Testbed
import Wire

@testable import Likes

/// Settings with short times, so that tests of faults are short.
func makeSettings(_ change: (inout LikeSettings) -> Void = { _ in }) -> LikeSettings {
    var settings = LikeSettings()
    settings.partitions = 4
    settings.loadTimeout = .seconds(5)
    change(&settings)
    return settings
}

/// A service that runs.
func withService<Value: Sendable>(
    _ broker: RedisBroker, likes: (any LikeStore)?, settings: LikeSettings = makeSettings(), announces: Bool = false,
    isolation: isolated (any Actor)? = #isolation, _ body: (LikeService) async throws -> Value
) async throws -> Value {
    let service = LikeService(
        redis: broker.redis, broker: announces ? broker : nil, likes: likes, settings: settings, logger: quietLogger)
    return try await withBackground({ await service.run() }) { try await body(service) }
}

/// The same with a Redis and a broker of its own.
func withService<Value: Sendable>(
    likes: (any LikeStore)?, settings: LikeSettings = makeSettings(), isolation: isolated (any Actor)? = #isolation,
    _ body: (Node, RedisBroker, LikeService) async throws -> Value
) async throws -> Value {
    try await withBroker { redis, broker async throws in
        try await withService(broker, likes: likes, settings: settings) { try await body(redis, broker, $0) }
    }
}

extension LikeService {
    /// The code of the error with which a like fails.
    func failure(_ photo: String, _ user: String, _ liked: Bool = true) async -> LikeError.Code? {
        await thrown(LikeError.self) { try await like(photo, user, liked) }?.code
    }

    @discardableResult
    func like(_ photo: String, _ user: String, _ liked: Bool = true) async throws -> LikeOutcome {
        try await apply(LikeIntent(photo: photo, user: user, liked: liked))
    }
}

func makeWorker(
    _ broker: RedisBroker, _ likes: any LikeStore, like: LikeSettings = makeSettings(), instance: String = "worker",
    claimAfter: Duration = .seconds(30), tasks: Int = WriteBehindSettings().tasks
) -> WriteBehindWorker {
    var settings = WriteBehindSettings()
    settings.tasks = tasks
    settings.instance = instance
    settings.interval = .milliseconds(10)
    settings.claimAfter = claimAfter
    return WriteBehindWorker(redis: broker.redis, likes: likes, settings: settings, like: like, logger: quietLogger)
}

private struct NotDrained: Error {}

extension WriteBehindWorker {
    /// Runs until nothing waits for the database.
    func drain() async throws {
        try await withBackground({ await self.run() }) { () async throws in
            guard await eventually({ try await self.store.depths().allSatisfy { $0 == 0 } }) else { throw NotDrained() }
        }
    }
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
        var appliesAreAway = false
        var membersReads = 0
        var calls = 0
        var pagesRead = 0
        /// Called with the number of the page of members that is read next.
        var beforePage: (@Sendable (Int) -> Void)?
        var looks = 0
        /// Called with the number of the look whether likes are there.
        var beforeLook: (@Sendable (Int) async -> Void)?
        /// Sizes of the batches that were brought.
        var applied: [Int] = []
        /// Changes that make a whole batch fail for good.
        var poison: Set<String> = []
        var pause: Duration = .zero
    }

    let inner: any LikeStore
    let plan = Mutex(Plan())

    init(_ inner: any LikeStore = MemoryLikeStore()) {
        self.inner = inner
    }

    private func reach() async throws(StorageError) -> any LikeStore {
        let pause = plan.withLock { plan in
            plan.calls += 1
            return plan.pause
        }
        if pause > .zero { try? await Task.sleep(for: pause) }
        if plan.withLock({ $0.isAway }) { throw StorageError(.unavailable, "away") }
        return inner
    }

    func apply(_ changes: [LikeChange]) async throws(StorageError) -> LikeBatchOutcome {
        let inner = try await reach()
        let poison = plan.withLock { plan in
            plan.applied.append(changes.count)
            return plan.poison
        }
        if plan.withLock({ $0.appliesAreAway }) { throw StorageError(.unavailable, "away") }
        if changes.contains(where: { poison.contains($0.user) }) { throw StorageError(.invalid, "poison") }
        return try await inner.apply(changes)
    }
    func members(
        of photo: String, in slots: Range<Int16>, after: LikeMember?, limit: Int
    ) async throws(StorageError) -> Page<LikeMember, LikeMember> {
        let inner = try await reach()
        if slots.count < UserSlot.count { plan.withLock { $0.membersReads += 1 } }
        let (hook, number) = plan.withLock { plan in
            plan.pagesRead += 1
            return (plan.beforePage, plan.pagesRead)
        }
        hook?(number)
        return try await inner.members(of: photo, in: slots, after: after, limit: limit)
    }

    // The rest only comes later or not at all.
    func register(photo: String, owner: String) async throws(StorageError) -> String {
        try await reach().register(photo: photo, owner: owner)
    }
    func counts(of photos: [String]) async throws(StorageError) -> [String: Int64] {
        try await reach().counts(of: photos)
    }
    func liked(_ keys: [LikeKey]) async throws(StorageError) -> Set<LikeKey> {
        let inner = try await reach()
        let (hook, number) = plan.withLock { plan in
            plan.looks += 1
            return (plan.beforeLook, plan.looks)
        }
        await hook?(number)
        return try await inner.liked(keys)
    }
    func likers(
        of photo: String, before: LikersCursor?, limit: Int
    ) async throws(StorageError) -> Page<Liker, LikersCursor> {
        try await reach().likers(of: photo, before: before, limit: limit)
    }
    func counts(in ranges: [LikeRange]) async throws(StorageError) -> [Int64] { try await reach().counts(in: ranges) }
    func newestVersions(partitions: Int) async throws(StorageError) -> [Int64] {
        try await reach().newestVersions(partitions: partitions)
    }
    func newestVersion(of photo: String, in slots: Range<Int16>) async throws(StorageError) -> Int64 {
        try await reach().newestVersion(of: photo, in: slots)
    }
    func photos(after: String?, limit: Int) async throws(StorageError) -> [PhotoCount] {
        try await reach().photos(after: after, limit: limit)
    }
    func recount(photo: String) async throws(StorageError) -> CountRepair { try await reach().recount(photo: photo) }
    func purgeTombstones(olderThan age: Duration, limit: Int) async throws(StorageError) -> Int {
        try await reach().purgeTombstones(olderThan: age, limit: limit)
    }
}
