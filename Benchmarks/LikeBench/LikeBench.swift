import Broker
import Likes
import Logging
import Primitives
import RedisNIO
import Storage

import struct Synchronization.Atomic

/// Measures the path below HTTP: likes of one photo through the batcher, or one call each.
struct LikeBench: Sendable {
    enum Mode: String, Sendable, CaseIterable {
        /// Through a ``LikeService``, as LikeAPI does.
        case batched
        /// The same call with one like in it, as many in flight.
        case single
    }

    struct Result: Codable, Sendable {
        var mode: String
        var partitions: Int
        var likes: Int
        /// Likes a second that were offered; 0 for as many as go.
        var rate: Double
        var seconds: Double
        var likesPerSecond: Double
        /// What Redis says of its memory: before, after, and the difference for each like.
        var memoryBefore: Int
        var memoryAfter: Int
        var bytesPerLike: Double
        /// The photo's count in the end; anything but `likes` is an error.
        var count: Int64
        var failed: Int
    }

    private let redis: RedisClient
    private let broker: (any Broker)?
    private let settings: LikeSettings
    private let streams: Bool
    private let rate: Double
    private let logger: Logger

    private static let tasks = 8
    private static let chunkMax = 4_000
    private static let chunksPerSecond = 50.0

    /// - Parameters:
    ///   - broker: carries the live counts; `nil` for none.
    ///   - streams: as with a database behind Redis, so that changes go into the streams, where workers find them.
    ///   - rate: likes a second; 0 for as many as go.
    init(
        redis: RedisClient, broker: (any Broker)?, settings: LikeSettings, streams: Bool, rate: Double, logger: Logger
    ) {
        self.redis = redis
        self.broker = broker
        self.settings = settings
        self.streams = streams
        self.rate = rate
        self.logger = logger
    }

    /// Likes that one task has under way together.
    private var chunk: Int {
        guard rate > 0 else { return Self.chunkMax }
        return min(max(1, Int(rate / Self.chunksPerSecond) / Self.tasks), Self.chunkMax)
    }

    func run(_ mode: Mode, photo: String, likes: Int) async throws -> Result {
        let service = LikeService(
            redis: redis, broker: broker, likes: streams ? EmptyLikeStore() : nil, settings: settings, logger: logger)
        let memoryBefore = try await memory()
        let running = Task { await service.run() }
        defer { running.cancel() }
        try await loadPartitions(service, photo)
        let start = ContinuousClock.now
        let failed = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<Self.tasks {
                group.addTask { try await work(mode, service, photo, task: task, likes: likes, since: start) }
            }
            return try await group.reduce(0, +)
        }
        let seconds = Double((ContinuousClock.now - start).nanoseconds) / 1e9
        let count = try await service.totals(of: [photo], isFresh: true)[0]?.count ?? 0
        let memoryAfter = try await memory()
        return Result(
            mode: mode.rawValue, partitions: settings.partitions, likes: likes, rate: rate, seconds: seconds,
            likesPerSecond: Double(likes) / seconds, memoryBefore: memoryBefore, memoryAfter: memoryAfter,
            bytesPerLike: Double(memoryAfter - memoryBefore) / Double(max(1, likes)), count: count, failed: failed)
    }

    /// Makes each partition known to Redis, without a like: a single call does not wait for that.
    private func loadPartitions(_ service: LikeService, _ photo: String) async throws {
        var left = Set(0..<settings.partitions)
        for number in 0... {
            if left.isEmpty { return }
            let user = "user\(number)"
            guard left.remove(service.partition(of: user)) != nil else { continue }
            // An unlike of what nobody likes would leave nothing.
            for liked in [true, false] {
                _ = try await service.apply(LikeIntent(photo: photo, user: user, liked: liked))
            }
        }
    }

    /// One task's share, in chunks that are in flight together; returns how many failed.
    private func work(
        _ mode: Mode, _ service: LikeService, _ photo: String, task: Int, likes: Int,
        since begin: ContinuousClock.Instant
    ) async throws -> Int {
        var failed = 0
        for start in stride(from: task * chunk, to: likes, by: Self.tasks * chunk) {
            let users = (start..<min(start + chunk, likes)).map { "user\($0)" }
            if rate > 0 { try await Task.sleep(until: begin + .seconds(Double(start) / rate), clock: .continuous) }
            switch mode {
            case .batched: failed += await batched(service, photo, users)
            case .single: failed += try await single(service, photo, users)
            }
        }
        return failed
    }

    private func batched(_ service: LikeService, _ photo: String, _ users: [String]) async -> Int {
        let left = Atomic(users.count)
        let failed = Atomic(0)
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            for user in users {
                service.submit(LikeIntent(photo: photo, user: user, liked: true)) { result in
                    if case .failure = result { failed.add(1, ordering: .relaxed) }
                    if left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { continuation.resume() }
                }
            }
        }
        return failed.load(ordering: .relaxed)
    }

    private func single(_ service: LikeService, _ photo: String, _ users: [String]) async throws -> Int {
        let calls = users.map { service.call(LikeIntent(photo: photo, user: $0, liked: true)) }
        return try await redis.send(contentsOf: calls).count { $0.failure != nil }
    }

    private func memory() async throws -> Int {
        let text = try await redis.send(RedisCommand("INFO", "memory")).text ?? ""
        return RedisInfo(text)["used_memory"].flatMap { Int($0) } ?? 0
    }
}

/// The database before anybody has liked anything: changes go into the streams, and nothing has to be loaded.
private struct EmptyLikeStore: LikeStore {
    func apply(_ changes: [LikeChange]) async throws(StorageError) -> LikeBatchOutcome { LikeBatchOutcome() }
    func register(photo: String, owner: String) async throws(StorageError) -> String { owner }
    func counts(of photos: [String]) async throws(StorageError) -> [String: Int64] { [:] }
    func liked(_ keys: [LikeKey]) async throws(StorageError) -> Set<LikeKey> { [] }
    func likers(of photo: String, before: LikersCursor?, limit: Int) async throws(StorageError) -> Page<
        Liker, LikersCursor
    > { Page() }
    func members(
        of photo: String, in slots: Range<Int16>, after: LikeMember?, limit: Int
    ) async throws(StorageError) -> Page<LikeMember, LikeMember> { Page() }
    func counts(in ranges: [LikeRange]) async throws(StorageError) -> [Int64] { ranges.map { _ in 0 } }
    func newestVersions(partitions: Int) async throws(StorageError) -> [Int64] {
        Array(repeating: 0, count: partitions)
    }
    func newestVersion(of photo: String, in slots: Range<Int16>) async throws(StorageError) -> Int64 { 0 }
    func photos(after: String?, limit: Int) async throws(StorageError) -> [PhotoCount] { [] }
    func recount(photo: String) async throws(StorageError) -> CountRepair { CountRepair(before: 0, after: 0) }
    func purgeTombstones(olderThan age: Duration, limit: Int) async throws(StorageError) -> Int { 0 }
}
