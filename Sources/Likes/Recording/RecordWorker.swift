public import Logging
public import RedisNIO
public import Storage

/// Carries changes from the parts' streams to the record: write-behind.
///
/// The order is commit, tell those who want to know, take the entries out. Dying at any point in between means that
/// somebody does it again, and the record, the queue of notifications and the streams all take a repetition for
/// nothing.
public final class RecordWorker: Sendable {
    private let tasks: [RecordTask]
    private let likes: any LikeStore
    private let settings: RecordWorkerSettings
    private let logger: Logger

    /// Rows of one purge statement.
    private static let purgeMax = 10_000

    public init(
        redis: RedisClient, likes: any LikeStore, settings: RecordWorkerSettings, like: LikeSettings, logger: Logger
    ) {
        self.likes = likes
        self.settings = settings
        self.logger = logger
        let store = PartStore(redis: redis, settings: like, hasRecord: true)
        let count = min(max(1, settings.tasks), like.parts)
        let queue = NotificationQueue(redis: redis, likes: likes, limit: settings.notificationsMax)
        tasks = (0..<count).map { number in
            RecordTask(
                number: number, parts: stride(from: number, to: like.parts, by: count).map { $0 }, store: store,
                likes: likes, queue: queue, settings: settings, logger: logger, metrics: RecordMetrics(task: number))
        }
    }

    /// Works until the task is cancelled. Call it once.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for task in tasks { group.addTask { await task.run() } }
            group.addTask { await self.purge() }
        }
    }

    /// Deletes what is only kept to refuse late changes, when it is too old for any.
    private func purge() async {
        while !Task.isCancelled {
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: settings.purgeInterval)
            do {
                while try await likes.purgeWithdrawn(olderThan: settings.withdrawnAge, limit: Self.purgeMax)
                    == Self.purgeMax
                {}
            } catch {
                logger.debug("old rows are deleted later", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Carries everything that is there to the record, once; for tests and tools.
    func drain() async throws(LikeError) {
        for task in tasks { try await task.drain() }
    }
}
