import CoreMetrics
import Logging
import Primitives
import RedisNIO
import Storage

/// Brings a photo's partition from the database into Redis, once, whoever else wants it at the same time.
///
/// Within this process one load serves everybody; between processes a lock decides, and the others wait for the result.
/// The set is built beside its place and put there in one step, so that nobody sees half of it.
final class PartitionLoader: Sendable {
    struct Request: Hashable, Sendable {
        let photo: String
        let partition: Int
        /// Redis had never seen the partition: perhaps there is nothing to load.
        let isNew: Bool
    }

    private struct Key: Hashable {
        let photo: String
        let partition: Int
    }

    private let store: PartitionStore
    private let likes: (any LikeStore)?
    private let settings: LikeSettings
    private let logger: Logger
    private let metrics: LikeMetrics
    private let loads = Mutex<[Key: Task<Result<Void, LikeError>, Never>]>([:])

    /// A lock that its holder does not renew is free after this.
    private static let lockMilliseconds = "10000"
    private static let pageMax = 10_000
    private static let pause = Duration.milliseconds(20)

    init(
        store: PartitionStore, likes: (any LikeStore)?, settings: LikeSettings, logger: Logger, metrics: LikeMetrics
    ) {
        self.store = store
        self.likes = likes
        self.settings = settings
        self.logger = logger
        self.metrics = metrics
    }

    /// Returns when the partition is in Redis, by whoever's hand.
    func load(_ request: Request) async throws(LikeError) {
        let key = Key(photo: request.photo, partition: request.partition)
        // Not a child task: the load serves everybody who asks for it meanwhile, whatever becomes of the first.
        let task = loads.withLock { loads in
            if let task = loads[key] { return task }
            let task = Task {
                let result = await self.loadOnce(request)
                _ = self.loads.withLock { $0.removeValue(forKey: key) }
                return result
            }
            loads[key] = task
            return task
        }
        try await task.value.get()
    }

    private func loadOnce(_ request: Request) async -> Result<Void, LikeError> {
        guard let likes else { return .success(()) }
        let deadline = ContinuousClock.now + settings.loadTimeout
        do throws(LikeError) {
            while ContinuousClock.now < deadline {
                if try await attempt(request, likes) { return .success(()) }
                // Somebody else holds the lock, or took it over: look again soon.
                try? await Task.sleep(for: Self.pause)
                let holding = try await store.holding(of: request.photo, partition: request.partition)
                if holding == .complete { return .success(()) }
            }
            throw LikeError(.databaseUnavailable, "the likes of this photo are still being read from the database")
        } catch {
            metrics.loadsFailed.increment()
            logger.warning(
                "a partition cannot be loaded",
                metadata: ["likes.partition": "\(request.partition)", "error": "\(error)"])
            return .failure(error)
        }
    }

    /// `false` when somebody else is at it.
    private func attempt(_ request: Request, _ likes: any LikeStore) async throws(LikeError) -> Bool {
        if request.isNew, try await seedEmpty(request, likes) { return true }
        let keys = store.keys(request.partition)
        let lock = keys.lock(request.photo)
        let token = String(UInt64.random(in: .min ... .max), radix: 36)
        let replies = try await store.send(
            [RedisCommand("SET", lock, token, "NX", "PX", Self.lockMilliseconds)] + store.held(request.photo, keys))
        guard replies[0].text == "OK" else { return false }
        switch store.holding(replies[1...]) {
        case .complete:
            _ = try await store.send([RedisCommand("DEL", lock)])
            return true
        case .lost:
            // What waits in the stream goes to the database first, so that it is whole when it is read. Nothing can be
            // added meanwhile, since the partition takes no changes before it is loaded.
            try await applyStream(request.partition, photo: request.photo, likes)
        case .unknown, .sizeOnly: break
        }
        return try await copy(request, token: token, known: replies[1].text ?? "", likes)
    }

    /// A photo that the database does not know has no likes: nothing has to be copied. `false` when it does know it.
    private func seedEmpty(_ request: Request, _ likes: any LikeStore) async throws(LikeError) -> Bool {
        let count = try await LikeError.mapping { try await likes.counts(of: [request.photo])[request.photo] }
        if let count, count != 0 { return false }
        if settings.requiresRegistration, count == nil {
            throw LikeError(.unknownPhoto, "nobody registered this photo")
        }
        try await store.seedSizes([(request.photo, request.partition, 0)])
        return true
    }

    /// Applies what waits in a partition's stream to the database, as a worker would, without taking it out.
    ///
    /// - Parameter photo: only this one's changes; `nil` for all.
    func applyStream(_ partition: Int, photo: String? = nil, _ likes: any LikeStore) async throws(LikeError) {
        var id = "-"
        while true {
            let entries = try await store.entries(partition: partition, after: id, limit: 500)
            let changes = entries.flatMap(\.changes).filter { photo == nil || $0.photo == photo }
            if !changes.isEmpty { _ = try await LikeError.mapping { try await likes.apply(changes) } }
            guard entries.count == 500, let last = entries.last else { return }
            id = last.id
        }
    }

    private func copy(
        _ request: Request, token: String, known: String, _ likes: any LikeStore
    ) async throws(LikeError) -> Bool {
        let (photo, slots, keys) = (request.photo, store.slots(request.partition), store.keys(request.partition))
        let newest = try await LikeError.mapping { try await likes.newestVersion(of: photo, in: slots) }
        _ = try await store.send([RedisCommand("UNLINK", keys.loading(photo))])
        var count = 0
        try await LikeError.mapping {
            try await likes.forEachPage(of: photo, in: slots, limit: Self.pageMax) { users in
                if !users.isEmpty { try await add(users, photo, keys) }
                count += users.count
            }
        }
        metrics.membersLoaded.increment(by: count)
        var call = PartitionScripts.swapIn.call(keys: [
            keys.lock(photo), keys.loading(photo), keys.members(photo), keys.sizes, keys.meta,
        ])
        for argument in [token, known, photo, "\(newest)", "\(count)"] { call.append(argument) }
        let isDone = try await store.evaluate(PartitionScripts.swapIn, call).integer == 1
        if isDone { metrics.loads.increment() }
        return isDone
    }

    /// The lock is renewed first, so that the set never expires before it.
    private func add(_ users: [String], _ photo: String, _ keys: PartitionKeys) async throws(LikeError) {
        _ = try await store.send([
            RedisCommand("PEXPIRE", keys.lock(photo), Self.lockMilliseconds),
            RedisCommand("SADD", [keys.loading(photo)] + users),
            RedisCommand("PEXPIRE", keys.loading(photo), Self.lockMilliseconds),
        ])
    }
}
