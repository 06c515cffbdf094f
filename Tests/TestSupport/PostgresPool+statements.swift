import Glibc
public import PostgresLibpq
import Primitives
import Storage

extension PostgresPool {
    /// Runs one statement and maps its rows on the session's thread.
    public func query<T: Sendable>(
        _ statement: PostgresStatement, _ values: [PostgresValue] = [],
        row: @escaping @Sendable (PostgresRow) throws(PostgresError) -> T
    ) async throws -> [T] {
        try await withConnection { try $0.query(statement, values, row: row) }
    }

    /// The first column of each row, of type `int8`.
    public func numbers(_ statement: PostgresStatement) async throws -> [Int64] {
        try await query(statement) { row throws(PostgresError) in try row.bigint(0) }
    }

    /// The first column of each row, of type `text`.
    public func texts(_ statement: PostgresStatement) async throws -> [String] {
        try await query(statement) { row throws(PostgresError) in try row.text(0) }
    }

    @discardableResult
    public func execute(_ statement: PostgresStatement, _ values: [PostgresValue] = []) async throws -> Int {
        try await withConnection { try $0.execute(statement, values) }
    }
}

extension PostgresPool {
    /// Runs `body` while a transaction is open that has done `statements`; it is committed, after `last`, as soon as somebody
    /// waits for what it has locked, which is what `body` is for.
    public func whileOpen<Value: Sendable>(
        _ statements: [PostgresStatement], last: [PostgresStatement] = [],
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let (opened, open) = AsyncStream<Void>.makeStream()
        async let transaction: Void = withConnection { connection in
            defer { open.finish() }
            try connection.transaction { connection in
                for statement in statements { try connection.execute(statement, []) }
                open.finish()
                var isWaitedFor = false
                for _ in 0..<2_000 where !isWaitedFor {
                    usleep(10_000)
                    isWaitedFor = try !connection.query(waiterStatement).isEmpty
                }
                guard isWaitedFor else { throw PostgresError(.timeout, "nobody waits for the transaction") }
                for statement in last { try connection.execute(statement, []) }
            }
        }
        for await _ in opened {}
        let value = try await body()
        try await transaction
        return value
    }
}

private let waiterStatement: PostgresStatement = """
    SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))
    """

/// A pool of two connections that runs, stopped in the end. Without `url`, on a fresh database of the shared server.
public func withPool<Value>(
    url: String? = nil, connections: Int = 2, _ change: (inout PostgresConfiguration) -> Void = { _ in },
    isolation: isolated (any Actor)? = #isolation, _ body: (PostgresPool) async throws -> Value
) async throws -> Value {
    let address: String
    if let url { address = url } else { address = try await sharedPostgres().makeDatabase() }
    var configuration = try PostgresConfiguration(url: address)
    configuration.connections = connections
    change(&configuration)
    let pool = PostgresPool(configuration: configuration, logger: quietLogger)
    pool.start()
    return try await withEnd({ await pool.stop() }) { try await body(pool) }
}

/// The same on a database with the services' schema.
public func withDatabase<Value>(
    url: String? = nil, connections: Int = 2, _ change: (inout PostgresConfiguration) -> Void = { _ in },
    isolation: isolated (any Actor)? = #isolation, _ body: (PostgresPool) async throws -> Value
) async throws -> Value {
    let quick = Backoff(base: .milliseconds(20), cap: .milliseconds(100))
    return try await withPool(
        url: url, connections: connections,
        {
            $0.backoff = quick
            change(&$0)
        }
    ) { pool in
        try await Migrator().migrate(pool)
        return try await body(pool)
    }
}
