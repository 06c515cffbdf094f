public import PostgresLibpq
public import Wire

/// The record of comments in PostgreSQL. ``run()`` must be running: it writes the marks and answers those who have
/// waited too long.
public final class PostgresCommentStore: CommentStore {
    let pool: PostgresPool
    private let settings: CommentStoreSettings
    private let writer: CommentWriter
    private let marks: MarkWriter

    /// The pool is started and stopped by the caller; the schema is there (``Migrator``).
    public init(pool: PostgresPool, settings: CommentStoreSettings = CommentStoreSettings()) {
        self.pool = pool
        self.settings = settings
        let metrics = StorageMetrics()
        writer = CommentWriter(pool: pool, settings: settings, metrics: metrics)
        marks = MarkWriter(pool: pool, settings: settings, metrics: metrics)
    }

    public var isReady: Bool { pool.isReady }

    /// Marks that wait to be written.
    public var marksWaiting: Int { marks.count }

    /// Until the task is cancelled; then it writes the marks that wait, if that takes less than a second.
    public func run() async {
        while !Task.isCancelled {
            writer.refuseLate(at: .now)
            marks.flush()
            try? await Task.sleep(for: settings.markInterval)
        }
        await drainMarks(until: .now + .seconds(1))
    }

    public func submit(_ comment: Comment, then done: @escaping @Sendable (Result<Void, StorageError>) -> Void) {
        writer.submit(comment, then: done)
    }

    public func markPublished(_ marks: [PublishedMark]) { self.marks.add(marks) }

    public func recordPublished(_ marks: [PublishedMark]) async throws(StorageError) {
        try await onSession { try PublishedMark.write(marks, $0) }
    }

    /// Runs `body` on a session; errors become ones of the record.
    func onSession<T: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws(StorageError) -> T {
        do {
            return try await pool.withConnection(body)
        } catch {
            throw StorageError(any: error)
        }
    }

    private func drainMarks(until deadline: ContinuousClock.Instant) async {
        // This task is cancelled, so sleeping in it returns at once: the pauses are another one's.
        await Task {
            while marks.count > 0, ContinuousClock.now < deadline {
                marks.flush()
                try? await Task.sleep(for: .milliseconds(10))
            }
        }.value
    }
}
