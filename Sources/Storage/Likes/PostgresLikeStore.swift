import CoreMetrics
public import PostgresLibpq

/// Likes in PostgreSQL.
public final class PostgresLikeStore: LikeStore {
    let pool: PostgresPool
    private let statementRowsMax: Int
    private let outboxMax: Int
    private let metrics = StorageMetrics()

    /// - Parameters:
    ///   - pool: started and stopped by the caller; the schema is there (``Migrator``).
    ///   - statementRowsMax: rows of one statement, 1 to 20,000: more rows cost less each, and hold locks longer.
    ///   - outboxMax: batches that may wait in the outbox; beyond, likes are stored and their owners are not notified.
    public init(pool: PostgresPool, statementRowsMax: Int = 5000, outboxMax: Int = 100_000) {
        self.pool = pool
        self.statementRowsMax = min(max(statementRowsMax, 1), 20_000)
        self.outboxMax = outboxMax
    }

    public var isReady: Bool { pool.isReady }

    public func apply(_ changes: [LikeChange]) async throws(StorageError) -> LikeBatchOutcome {
        let batch = LikeBatch(changes)
        let rows = batch.rows()
        var outcome = LikeBatchOutcome(ignored: batch.overtaken, refused: batch.refused)
        var start = 0
        while start < rows.count {
            let end = min(rows.count, start + statementRowsMax)
            let applied = try await applyAgain(rows[start..<end])
            outcome.changed += applied.changed
            outcome.ignored += end - start - applied.changed
            outcome.counts.merge(applied.counts) { $1 }
            outcome.notificationsSkipped += applied.notificationsSkipped
            start = end
        }
        metrics.likesChanged.increment(by: outcome.changed)
        metrics.likesIgnored.increment(by: outcome.ignored)
        return outcome
    }

    /// Batches lock in the same order, yet purging and recounting may cross them: a deadlock's victim tries again.
    private func applyAgain(_ rows: ArraySlice<LikeRow>) async throws(StorageError) -> LikeBatchOutcome {
        let values = LikeStatement.values(rows, outboxMax: outboxMax)
        return try await pool.session { connection in
            var attemptsLeft = 3
            while true {
                do throws(PostgresError) {
                    return try LikeStatement.run(values, connection)
                } catch {
                    attemptsLeft -= 1
                    guard error.code == .serialization, attemptsLeft > 0 else { throw error }
                }
            }
        }
    }
}

extension PostgresPool {
    /// Runs `body` on a session; errors become ``StorageError``.
    func session<T: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws(StorageError) -> T {
        do {
            return try await withConnection(body)
        } catch {
            throw StorageError(any: error)
        }
    }
}
