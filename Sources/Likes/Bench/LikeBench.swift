public import Broker
public import Logging
import Primitives
public import RedisNIO
import Storage
import Synchronization

/// Measures the path below HTTP: likes of one photo through the batcher, or one call each.
public struct LikeBench: Sendable {
    public enum Mode: String, Sendable, CaseIterable {
        /// Through a ``LikeDesk``, as LikeAPI does.
        case batched
        /// The same call with one like in it, as many in flight.
        case single
    }

    public struct Result: Codable, Sendable {
        public var mode: String
        public var parts: Int
        public var likes: Int
        /// Likes a second that were offered; 0 for as many as go.
        public var rate: Double
        public var seconds: Double
        public var likesPerSecond: Double
        /// What Redis says of its memory: before, after, and the difference for each like.
        public var memoryBefore: Int
        public var memoryAfter: Int
        public var bytesPerLike: Double
        /// The photo's count in the end; anything but `likes` is an error.
        public var count: Int64
        public var failed: Int
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
    ///   - streams: with a record behind Redis, so that changes go into the streams, where workers find them.
    ///   - rate: likes a second; 0 for as many as go.
    public init(
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

    public func run(_ mode: Mode, photo: String, likes: Int) async throws -> Result {
        let desk = LikeDesk(
            redis: redis, broker: broker, likes: streams ? EmptyLikeStore() : nil, settings: settings, logger: logger)
        let memoryBefore = try await memory()
        let running = Task { await desk.run() }
        defer { running.cancel() }
        try await loadParts(desk, photo)
        let start = ContinuousClock.now
        let failed = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<Self.tasks {
                group.addTask { try await work(mode, desk, photo, task: task, likes: likes, since: start) }
            }
            return try await group.reduce(0, +)
        }
        let seconds = Double((ContinuousClock.now - start).nanoseconds) / 1e9
        let count = try await desk.totals(of: [photo], isFresh: true)[0]?.count ?? 0
        let memoryAfter = try await memory()
        return Result(
            mode: mode.rawValue, parts: settings.parts, likes: likes, rate: rate, seconds: seconds,
            likesPerSecond: Double(likes) / seconds, memoryBefore: memoryBefore, memoryAfter: memoryAfter,
            bytesPerLike: Double(memoryAfter - memoryBefore) / Double(max(1, likes)), count: count, failed: failed)
    }

    /// Makes each part known to Redis, without a like: a single call does not wait for that.
    private func loadParts(_ desk: LikeDesk, _ photo: String) async throws {
        var left = Set(0..<settings.parts)
        for number in 0... {
            if left.isEmpty { return }
            let user = "user\(number)"
            guard left.remove(desk.store.part(of: user)) != nil else { continue }
            _ = try await desk.apply(LikeIntent(photo: photo, user: user, liked: false))
        }
    }

    /// One task's share, in chunks that are in flight together; returns how many failed.
    private func work(
        _ mode: Mode, _ desk: LikeDesk, _ photo: String, task: Int, likes: Int, since begin: ContinuousClock.Instant
    ) async throws -> Int {
        var failed = 0
        for start in stride(from: task * chunk, to: likes, by: Self.tasks * chunk) {
            let users = (start..<min(start + chunk, likes)).map { "user\($0)" }
            if rate > 0 { try await Task.sleep(until: begin + .seconds(Double(start) / rate), clock: .continuous) }
            switch mode {
            case .batched: failed += await batched(desk, photo, users)
            case .single: failed += try await single(desk, photo, users)
            }
        }
        return failed
    }

    private func batched(_ desk: LikeDesk, _ photo: String, _ users: [String]) async -> Int {
        let left = Atomic(users.count)
        let failed = Atomic(0)
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            for user in users {
                desk.submit(LikeIntent(photo: photo, user: user, liked: true)) { result in
                    if case .failure = result { failed.add(1, ordering: .relaxed) }
                    if left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { continuation.resume() }
                }
            }
        }
        return failed.load(ordering: .relaxed)
    }

    private func single(_ desk: LikeDesk, _ photo: String, _ users: [String]) async throws -> Int {
        let calls = users.map { user -> RedisCommand in
            let batch = PartBatch([LikeIntent(photo: photo, user: user, liked: true)])
            return desk.store.call(batch, part: desk.store.part(of: user))
        }
        return try await redis.send(contentsOf: calls).count { $0.failure != nil }
    }

    private func memory() async throws -> Int {
        let text = try await redis.send(RedisCommand("INFO", "memory")).text ?? ""
        return RedisInfo(text)["used_memory"].flatMap { Int($0) } ?? 0
    }
}

/// A database without a like: everything is in Redis.
private struct EmptyLikeStore: LikeStore {
    var isReady: Bool { true }

    func apply(_: [LikeChange]) async throws(StorageError) -> LikeBatchOutcome { LikeBatchOutcome() }
    func register(photo: String, owner: String) async throws(StorageError) -> String { owner }
    func owners(of: [String]) async throws(StorageError) -> [String: String] { [:] }
    func counts(of: [String]) async throws(StorageError) -> [String: Int64] { [:] }
    func isLiked(photo: String, by user: String) async throws(StorageError) -> Bool { false }
    func likers(of: String, before: LikersCursor?, limit: Int) async throws(StorageError) -> LikersPage {
        LikersPage(likers: [], next: nil)
    }
    func members(
        of: String, part: Int, parts: Int, after: MembersCursor?, limit: Int
    ) async throws(StorageError) -> MembersPage { MembersPage(members: [], next: nil) }
    func count(of: String, part: Int, parts: Int) async throws(StorageError) -> Int64 { 0 }
    func newestVersion(of: String, part: Int, parts: Int) async throws(StorageError) -> Int64 { 0 }
    func photos(after: String?, limit: Int) async throws(StorageError) -> [PhotoCount] { [] }
    func recount(photo: String) async throws(StorageError) -> CountRepair { CountRepair(before: 0, after: 0) }
    func purgeWithdrawn(olderThan: Duration, limit: Int) async throws(StorageError) -> Int { 0 }
}
