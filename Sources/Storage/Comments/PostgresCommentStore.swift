public import PostgresLibpq
import Primitives

/// Limits of a ``PostgresCommentStore``.
public struct CommentStoreSettings: Equatable, Sendable {
    /// Rows of one statement; 1 to 10,000.
    public var batchMax = 512
    /// Insert statements that run at a time. One keeps the order of storing the order of arrival, and makes the largest
    /// batches; more help only when the database has processors to spare.
    public var workersMax = 1
    /// Comments that wait for a statement; one more is refused with `overloaded`.
    public var waitingMax = 8192
    /// How long a comment may wait without being sent before it fails with `timeout`.
    public var waitMax: Duration = .seconds(3)
    /// How long a statement waits for company when far fewer comments wait than the last one carried; under 1 s. A
    /// comment that comes alone never waits.
    public var gather: Duration = .milliseconds(1)
    /// Published positions that wait to be saved; more are dropped and left to the outbox sweep.
    public var positionsMax = 65_536
    /// How often positions are saved.
    public var positionInterval: Duration = .milliseconds(50)

    public init() {}
}

/// Comments in PostgreSQL. ``run()`` must be running: it saves the positions and answers those who have waited too long.
public final class PostgresCommentStore: CommentStore {
    let pool: PostgresPool
    let settings: CommentStoreSettings
    let metrics = StorageMetrics()
    private let positions: PositionWriter
    /// Comments that wait to be inserted.
    private let queue: Mutex<BatchQueue<Waiting>>

    /// The pool is started and stopped by the caller; the schema is there (``Migrator``).
    public init(pool: PostgresPool, settings: CommentStoreSettings = CommentStoreSettings()) {
        self.pool = pool
        self.settings = settings
        positions = PositionWriter(pool: pool, settings: settings, metrics: metrics)
        queue = Mutex(
            BatchQueue(
                limits: .init(
                    waitingMax: settings.waitingMax, batchMax: settings.batchMax, workersMax: settings.workersMax)))
    }

    public var isReady: Bool { pool.isReady }

    /// Published positions that wait to be saved.
    public var positionsWaiting: Int { positions.count }

    var gather: Duration { settings.gather }

    func withQueue<T: Sendable>(_ body: (inout sending BatchQueue<Waiting>) -> sending T) -> T {
        queue.withLock(body)
    }

    /// Until the task is cancelled; then it saves the positions that wait, if that takes less than a second.
    public func run() async {
        while !Task.isCancelled {
            refuseLate()
            positions.flush()
            try? await Task.sleep(for: settings.positionInterval)
        }
        // This task is cancelled, so sleeping in it returns at once: the pauses are another one's.
        await Task {
            let deadline = ContinuousClock.now + .seconds(1)
            while positions.count > 0, ContinuousClock.now < deadline {
                positions.flush()
                try? await Task.sleep(for: .milliseconds(10))
            }
        }.value
    }

    public func addPublished(_ positions: [PublishedPosition]) { self.positions.add(positions) }

    public func savePublished(_ positions: [PublishedPosition]) async throws(StorageError) {
        try await pool.session { try PublishedPosition.save(positions, $0) }
    }
}
