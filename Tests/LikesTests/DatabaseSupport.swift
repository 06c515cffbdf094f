import PostgresLibpq
import Storage
import TestSupport

struct Stores: Sendable {
    let pool: PostgresPool
    let likes: PostgresLikeStore
    let notifications: PostgresNotificationStore
}

/// PostgreSQL's stores on a database of their own, with its schema.
func withDatabase<Value: Sendable>(
    url: String? = nil, isolation: isolated (any Actor)? = #isolation, _ body: (Stores) async throws -> Value
) async throws -> Value {
    let address: String
    if let url { address = url } else { address = try await PrivatePostgres.shared().makeDatabase() }
    let pool = PostgresPool(configuration: try PostgresConfiguration(url: address), logger: logger)
    pool.start()
    do {
        try await Migrator().migrate(pool)
        let stores = Stores(
            pool: pool, likes: PostgresLikeStore(pool: pool), notifications: PostgresNotificationStore(pool: pool))
        let value = try await body(stores)
        await pool.stop()
        return value
    } catch {
        await pool.stop()
        throw error
    }
}

extension Stores {
    /// Rows of the outbox, those that are dead letters or not.
    func outboxRows(dead: Bool = false) async throws -> Int64 {
        let statement: PostgresStatement =
            dead
            ? "SELECT count(*) FROM outbox WHERE available_at = 'infinity' AND error IS NOT NULL"
            : "SELECT count(*) FROM outbox WHERE available_at < 'infinity'"
        return try await pool.query(statement) { row throws(PostgresError) in try row.bigint(0) }[0]
    }
}
