import PostgresLibpq
import Storage
import TestSupport

struct Stores: Sendable {
    let likes: PostgresLikeStore
    let notifications: PostgresNotificationStore
}

/// The record in PostgreSQL: a database of its own, with its schema.
func withRecord<Value: Sendable>(
    url: String? = nil, isolation: isolated (any Actor)? = #isolation, _ body: (Stores) async throws -> Value
) async throws -> Value {
    let address: String
    if let url { address = url } else { address = try await PrivatePostgres.shared().makeDatabase() }
    let pool = PostgresPool(configuration: try PostgresConfiguration(url: address), logger: logger)
    pool.start()
    do {
        try await Migrator().migrate(pool)
        let stores = Stores(
            likes: PostgresLikeStore(pool: pool), notifications: PostgresNotificationStore(pool: pool))
        let value = try await body(stores)
        await pool.stop()
        return value
    } catch {
        await pool.stop()
        throw error
    }
}
