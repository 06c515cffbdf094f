public import Logging
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
    private let settings: LikeSettings
    private let streams: Bool
    private let logger: Logger

    private static let tasks = 8
    private static let chunk = 4_000

    /// - Parameter streams: with a record behind Redis, so that changes go into the streams; they stay there.
    public init(redis: RedisClient, settings: LikeSettings, streams: Bool, logger: Logger) {
        self.redis = redis
        self.settings = settings
        self.streams = streams
        self.logger = logger
    }

    public func run(_ mode: Mode, photo: String, likes: Int) async throws -> Result {
        let desk = LikeDesk(
            redis: redis, broker: nil, likes: streams ? MemoryLikeStore() : nil, settings: settings, logger: logger)
        let memoryBefore = try await memory()
        let running = Task { await desk.run() }
        defer { running.cancel() }
        let start = ContinuousClock.now
        let failed = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<Self.tasks {
                group.addTask { try await work(mode, desk, photo, task: task, likes: likes) }
            }
            return try await group.reduce(0, +)
        }
        let seconds = Double((ContinuousClock.now - start).nanoseconds) / 1e9
        let count = try await desk.totals(of: [photo], isFresh: true)[0]?.count ?? 0
        let memoryAfter = try await memory()
        return Result(
            mode: mode.rawValue, parts: settings.parts, likes: likes, seconds: seconds,
            likesPerSecond: Double(likes) / seconds, memoryBefore: memoryBefore, memoryAfter: memoryAfter,
            bytesPerLike: Double(memoryAfter - memoryBefore) / Double(max(1, likes)), count: count, failed: failed)
    }

    /// One task's share, in chunks that are in flight together; returns how many failed.
    private func work(_ mode: Mode, _ desk: LikeDesk, _ photo: String, task: Int, likes: Int) async throws -> Int {
        var failed = 0
        for start in stride(from: task * Self.chunk, to: likes, by: Self.tasks * Self.chunk) {
            let users = (start..<min(start + Self.chunk, likes)).map { "user\($0)" }
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
        // The first one may find the script missing: it goes by the careful way.
        _ = try await desk.like(photo: photo, user: users[0])
        return try await redis.send(contentsOf: calls).count { $0.failure != nil }
    }

    private func memory() async throws -> Int {
        let text = try await redis.send(RedisCommand("INFO", "memory")).text ?? ""
        return RedisInfo(text)["used_memory"].flatMap { Int($0) } ?? 0
    }
}

extension LikeDesk {
    fileprivate func like(photo: String, user: String) async throws -> LikeOutcome {
        try await apply(LikeIntent(photo: photo, user: user, liked: true))
    }
}
