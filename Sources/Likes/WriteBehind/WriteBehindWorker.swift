public import Logging
public import RedisNIO
public import Storage

/// How changes are carried to the database.
public struct WriteBehindSettings: Sendable {
    /// Names the consumer; unique among processes, and best the same after a restart.
    public var instance = "likes"
    /// Time between two looks when there is little to do; under load the next batch follows at once.
    public var interval: Duration = .seconds(1)
    /// Tasks, each with a share of the partitions; 1 to the number of partitions.
    public var tasks = 2
    /// Changes that one batch aims at.
    public var batchChanges = 40_000
    /// Entries that another worker has not finished after this time are taken over.
    public var claimAfter: Duration = .seconds(30)

    /// Tombstones are kept so long, to refuse changes that come late.
    public var tombstoneAge: Duration = .seconds(30 * 86_400)
    /// Notifications are kept so long after their newest like.
    public var notificationAge: Duration = .seconds(90 * 86_400)
    /// Time from one look for old tombstones and notifications to the next.
    public var purgeInterval: Duration = .seconds(3_600)

    public init() {}
}

/// Carries changes from the partitions' streams to the database: write-behind.
///
/// A batch is committed together with the outbox row that leads to the notifications, and then taken out of the streams.
/// Dying at any point in between means that somebody does it again, and database and streams take a repetition for nothing.
public final class WriteBehindWorker: Sendable {
    let store: PartitionStore
    private let tasks: [WriteBehindTask]
    private let verifier: PartitionVerifier
    private let likes: any LikeStore
    private let notifications: (any NotificationStore)?
    private let settings: WriteBehindSettings
    private let logger: Logger
    /// Why changes do not reach the database, if they do not.
    public let health = WriteBehindHealth()

    /// Rows of one purge statement.
    private static let purgeMax = 10_000

    /// - Parameter notifications: those that are too old are deleted.
    public init(
        redis: RedisClient, likes: any LikeStore, notifications: (any NotificationStore)? = nil,
        settings: WriteBehindSettings, like: LikeSettings, logger: Logger, metrics: LikeMetrics = LikeMetrics()
    ) {
        self.likes = likes
        self.notifications = notifications
        self.settings = settings
        self.logger = logger
        let store = PartitionStore(redis: redis, settings: like, hasDatabase: true)
        self.store = store
        verifier = PartitionVerifier(store: store, likes: likes, logger: logger, metrics: metrics)
        let health = health
        let count = min(max(1, settings.tasks), like.partitions)
        tasks = (0..<count).map { number in
            WriteBehindTask(
                number: number, partitions: stride(from: number, to: like.partitions, by: count).map { $0 },
                store: store, likes: likes, settings: settings, logger: logger,
                metrics: WriteBehindMetrics(task: number), health: health)
        }
    }

    /// Works until the task is cancelled. Call it once.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for task in tasks { group.addTask { await task.run() } }
            group.addTask { await self.verify() }
            group.addTask { await self.purge() }
        }
    }

    /// Looks whether the database has got ahead of Redis, also where nobody likes anything.
    private func verify() async {
        while !Task.isCancelled {
            do throws(LikeError) {
                try await verifier.verifyAll()
            } catch {
                logger.debug("Redis is held against the database later", metadata: ["error": "\(error)"])
            }
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: settings.interval)
        }
    }

    /// Deletes tombstones that are too old to refuse anything, and notifications that nobody looks at any more.
    private func purge() async {
        while !Task.isCancelled {
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: settings.purgeInterval)
            do {
                while try await likes.purgeTombstones(olderThan: settings.tombstoneAge, limit: Self.purgeMax)
                    == Self.purgeMax
                {}
                while try await notifications?.purge(olderThan: settings.notificationAge) ?? 0 > 0 {}
            } catch {
                logger.debug("old rows are deleted later", metadata: ["error": "\(error)"])
            }
        }
    }
}
