public import PostgresLibpq

extension PostgresPool {
    /// Runs one statement and maps its rows on the session's thread.
    public func query<T: Sendable>(
        _ statement: PostgresStatement, _ values: [PostgresValue] = [],
        row: @escaping @Sendable (PostgresRow) throws(PostgresError) -> T
    ) async throws -> [T] {
        try await withConnection { try $0.query(statement, values, row: row) }
    }

    @discardableResult
    public func execute(_ statement: PostgresStatement, _ values: [PostgresValue] = []) async throws -> Int {
        try await withConnection { try $0.execute(statement, values) }
    }
}
