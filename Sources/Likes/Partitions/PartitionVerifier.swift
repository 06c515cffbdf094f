import CoreMetrics
import Logging
import RedisNIO
import Storage

/// Holds partitions against the database before they are used in a new replication history of Redis.
///
/// Redis has a partition's `clock`, the newest version that it gave out, and the database the newest version that was
/// brought to it. If Redis's is not behind, it has all that the database has. If it is, Redis has lost something: what waits
/// in its stream goes to the database, and all its sizes of the partition become those of an older generation, so that each
/// photo is read anew when it is asked for. Sizes without an epoch stand beside a stream that may belong to others that were
/// lost, so that is applied as well.
final class PartitionVerifier: Sendable {
    private let store: PartitionStore
    private let likes: (any LikeStore)?
    private let logger: Logger
    private let metrics: LikeMetrics
    private let verifications = SharedCalls<Int, Void>()

    /// Another process may begin an epoch first; more often than that it does not happen.
    private static let attemptsMax = 10

    init(store: PartitionStore, likes: (any LikeStore)?, logger: Logger, metrics: LikeMetrics) {
        self.store = store
        self.likes = likes
        self.logger = logger
        self.metrics = metrics
    }

    /// Returns when the partition may be used.
    func verify(_ partition: Int) async throws(LikeError) {
        guard let likes else { return }
        try await verifications.run(partition) { () throws(LikeError) in
            for _ in 0..<Self.attemptsMax {
                if try await self.attempt(partition, likes) { return }
            }
            throw LikeError(.databaseUnavailable, "a partition cannot be held against the database")
        }
    }

    /// Verifies all partitions, also those in use: whether the database has got ahead of them.
    func verifyAll() async throws(LikeError) {
        guard let likes else { return }
        let newest = try await LikeError.mapping { try await likes.newestVersions(partitions: self.store.partitions) }
        for partition in newest.indices {
            let standing = try await store.standing(partition)
            if standing.isVerified {
                guard standing.clock < newest[partition], let epoch = standing.epoch else { continue }
                try await store.markOlder(partition, in: epoch)
            }
            try await verify(partition)
        }
    }

    /// `false` when another epoch has begun meanwhile.
    private func attempt(_ partition: Int, _ likes: any LikeStore) async throws(LikeError) -> Bool {
        let stored = try await LikeError.mapping { try await likes.newestVersions(partitions: self.store.partitions) }
        let standing = try await store.standing(partition)
        if standing.isVerified { return true }
        let newest = max(stored[partition], store.clock(partition))
        let isOlder = standing.epoch?.history == PartitionEpoch.older || standing.clock < newest
        if isOlder || standing.epoch == nil { try await store.applyStream(partition, to: likes) }
        guard try await store.begin(partition, after: standing.epoch, newest: newest, isOlder: isOlder) else {
            return false
        }
        if isOlder {
            metrics.partitionsOlder.increment()
            logger.warning(
                "Redis was older than the database: a partition is read anew",
                metadata: [
                    "likes.partition": "\(partition)", "likes.clock": "\(standing.clock)", "likes.newest": "\(newest)",
                ])
        }
        return true
    }
}
