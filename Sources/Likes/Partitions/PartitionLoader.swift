import CoreMetrics
import Logging
import RedisNIO
import Storage

/// Brings a photo's partition from the database into Redis, once, whoever else wants it at the same time.
///
/// Within this process one load serves everybody; between processes a lock decides, and the others wait for the result.
/// The set is built beside its place and put there in one step, so that nobody sees half of it.
final class PartitionLoader: Sendable {
    struct Request: Sendable {
        let photo: String
        let partition: Int
        /// When nobody wants more than that these users do not like the photo: perhaps there is nothing to load.
        var unlikers: Set<String> = []
    }

    enum Outcome: Equatable, Sendable {
        /// The partition is in Redis, by whoever's hand.
        case loaded
        /// These users do not like the photo, which Redis does not know: nothing was loaded.
        case notLiked(Set<String>)
    }

    private struct Key: Hashable {
        let photo: String
        let partition: Int
    }

    private let store: PartitionStore
    private let verifier: PartitionVerifier
    private let likes: (any LikeStore)?
    private let settings: LikeSettings
    private let logger: Logger
    private let metrics: LikeMetrics
    private let loads = SharedCalls<Key, Outcome>()

    /// A lock that its holder does not renew is free after this.
    private static let lockMilliseconds = 10_000
    private static let pageMax = 10_000
    private static let pause = Duration.milliseconds(20)

    init(
        store: PartitionStore, verifier: PartitionVerifier, likes: (any LikeStore)?, settings: LikeSettings,
        logger: Logger, metrics: LikeMetrics
    ) {
        self.store = store
        self.verifier = verifier
        self.likes = likes
        self.settings = settings
        self.logger = logger
        self.metrics = metrics
    }

    @discardableResult
    func load(_ request: Request) async throws(LikeError) -> Outcome {
        guard let likes else { return .loaded }
        return try await loads.run(Key(photo: request.photo, partition: request.partition)) { () throws(LikeError) in
            do throws(LikeError) {
                return try await self.loadOnce(request, likes)
            } catch {
                self.metrics.loadsFailed.increment()
                self.logger.warning(
                    "a partition cannot be loaded",
                    metadata: ["likes.partition": "\(request.partition)", "error": "\(error)"])
                throw error
            }
        }
    }

    private func loadOnce(_ request: Request, _ likes: any LikeStore) async throws(LikeError) -> Outcome {
        let deadline = ContinuousClock.now + settings.loadTimeout
        while ContinuousClock.now < deadline {
            if let outcome = try await attempt(request, likes) { return outcome }
            // Somebody else holds the lock, or took it over: look again soon.
            try? await Task.sleep(for: Self.pause)
        }
        throw LikeError(.databaseUnavailable, "the likes of this photo are still being read from the database")
    }

    /// `nil` when somebody else is at it.
    private func attempt(_ request: Request, _ likes: any LikeStore) async throws(LikeError) -> Outcome? {
        let held = try await store.held(request.photo, partition: request.partition)
        guard held.isVerified else {
            try await verifier.verify(request.partition)
            return nil
        }
        if held.holding == .complete { return .loaded }
        if held.holding == .unknown, let outcome = try await withoutMembers(request, held, likes) { return outcome }
        let lock = store.keys(request.partition).lock(request.photo)
        let token = String(UInt64.random(in: .min ... .max), radix: 36)
        guard try await store.take(lock, token, milliseconds: Self.lockMilliseconds) else { return nil }
        // Somebody may have loaded it before the lock was free.
        let again = try await store.held(request.photo, partition: request.partition)
        guard again.isVerified, again.holding != .complete, let epoch = again.epoch else {
            _ = try await store.send([RedisCommand("DEL", lock)])
            return nil
        }
        if again.holding == .lost {
            // What waits in the stream goes to the database first, so that it is whole when it is read. Nothing can be
            // added meanwhile, since the partition takes no changes before it is loaded.
            try await store.applyStream(request.partition, photo: request.photo, to: likes)
        }
        return try await copy(request, token: token, field: again.field, epoch, likes) ? .loaded : nil
    }

    /// A photo that the database does not know has no likes: nothing has to be copied. `nil` when it does know it.
    private func withoutMembers(
        _ request: Request, _ held: PartitionStore.Held, _ likes: any LikeStore
    ) async throws(LikeError) -> Outcome? {
        let count = try await LikeError.mapping { try await likes.counts(of: [request.photo])[request.photo] }
        if settings.requiresRegistration, count == nil {
            throw LikeError(.unknownPhoto, "nobody registered this photo")
        }
        if !request.unlikers.isEmpty {
            let wanted = request.unlikers.map { LikeKey(photo: request.photo, user: $0) }
            let likers = try await LikeError.mapping { (count ?? 0) == 0 ? [] : try await likes.liked(wanted) }
            if likers.isEmpty { return .notLiked(request.unlikers) }
        }
        guard (count ?? 0) == 0, let epoch = held.epoch else { return nil }
        try await store.seedSizes([(request.photo, request.partition, 0)], epochs: [request.partition: epoch])
        return .loaded
    }

    private func copy(
        _ request: Request, token: String, field: String, _ epoch: PartitionEpoch, _ likes: any LikeStore
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
        for argument in [token, field, photo, "\(newest)", "\(count)", epoch.text] { call.append(argument) }
        let isDone = try await store.evaluate(PartitionScripts.swapIn, call).integer == 1
        if isDone { metrics.loads.increment() }
        return isDone
    }

    /// The lock is renewed first, so that the set never expires before it.
    private func add(_ users: [String], _ photo: String, _ keys: PartitionKeys) async throws(LikeError) {
        _ = try await store.send([
            RedisCommand("PEXPIRE", keys.lock(photo), "\(Self.lockMilliseconds)"),
            RedisCommand("SADD", [keys.loading(photo)] + users),
            RedisCommand("PEXPIRE", keys.loading(photo), "\(Self.lockMilliseconds)"),
        ])
    }
}
