import Logging
import PostgresLibpq
import TestSupport

/// A pool on a fresh database of the shared server, stopped in the end.
func withPool<T>(
    url: String? = nil, _ change: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresPool) async throws -> T
) async throws -> T {
    let address: String
    if let url { address = url } else { address = try await PrivatePostgres.shared().makeDatabase() }
    var configuration = try PostgresConfiguration(url: address)
    configuration.connections = 2
    change(&configuration)
    let pool = PostgresPool(configuration: configuration, logger: quietLogger)
    pool.start()
    do {
        let value = try await body(pool)
        await pool.stop()
        return value
    } catch {
        await pool.stop()
        throw error
    }
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Waits until `condition` holds; `false` when it does not within `limit`.
func comesTrue(within limit: Duration = .seconds(10), _ condition: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return false
}

/// The ``PostgresError`` that `body` throws.
func postgresError(_ body: () async throws -> Void) async -> PostgresError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? PostgresError
    }
}
