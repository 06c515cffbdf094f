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
    /// Time from one look for old tombstones to the next.
    public var purgeInterval: Duration = .seconds(3_600)

    public init() {}
}

/// Carries changes from the partitions' streams to the database: write-behind.
///
/// A batch is committed together with the outbox row that leads to the notifications, and then taken out of the streams.
/// Dying at any point in between means that somebody does it again, and database and streams take a repetition for nothing.
public final class WriteBehindWorker: Sendable {
    private let tasks: [WriteBehindTask]
    private let likes: any LikeStore
    private let settings: WriteBehindSettings
    private let logger: Logger

    /// Rows of one purge statement.
    private static let purgeMax = 10_000

    public init(
        redis: RedisClient, likes: any LikeStore, settings: WriteBehindSettings, like: LikeSettings, logger: Logger
    ) {
        self.likes = likes
        self.settings = settings
        self.logger = logger
        let store = PartitionStore(redis: redis, settings: like, hasDatabase: true)
        let count = min(max(1, settings.tasks), like.partitions)
        tasks = (0..<count).map { number in
            WriteBehindTask(
                number: number, partitions: stride(from: number, to: like.partitions, by: count).map { $0 },
                store: store, likes: likes, settings: settings, logger: logger,
                metrics: WriteBehindMetrics(task: number))
        }
    }

    /// Works until the task is cancelled. Call it once.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for task in tasks { group.addTask { await task.run() } }
            group.addTask { await self.purge() }
        }
    }

    /// Deletes tombstones that are too old to refuse anything.
    private func purge() async {
        while !Task.isCancelled {
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: settings.purgeInterval)
            do {
                while try await likes.purgeTombstones(olderThan: settings.tombstoneAge, limit: Self.purgeMax)
                    == Self.purgeMax
                {}
            } catch {
                logger.debug("tombstones are deleted later", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Carries everything that is there to the database, once; for tests and tools.
    func drain() async throws(LikeError) {
        for task in tasks { try await task.drain() }
    }
}
