import PostgresLibpq
import Storage
import TestSupport

struct Stores: Sendable {
    let pool: PostgresPool
    let likes: PostgresLikeStore
    let notifications: PostgresNotificationStore
}

/// PostgreSQL's stores on a database of their own, with its schema.
func withStores<Value: Sendable>(
    url: String? = nil, isolation: isolated (any Actor)? = #isolation, _ body: (Stores) async throws -> Value
) async throws -> Value {
    try await withDatabase(url: url, connections: 4) { pool in
        try await body(
            Stores(
                pool: pool, likes: PostgresLikeStore(pool: pool), notifications: PostgresNotificationStore(pool: pool)))
    }
}

extension Stores {
    /// Rows of the outbox, those that are dead letters or not.
    func outboxRows(dead: Bool = false) async throws -> Int64 {
        let statement: PostgresStatement =
            dead
            ? "SELECT count(*) FROM outbox WHERE available_at = 'infinity' AND error IS NOT NULL"
            : "SELECT count(*) FROM outbox WHERE available_at < 'infinity'"
        return try await pool.numbers(statement)[0]
    }
}
