import Synchronization

extension PostgresPool {
    /// Runs `body` with a session, on that session's thread. `body` may block on the session and on nothing else.
    ///
    /// - Throws: what `body` throws; a ``PostgresError`` when there is no session: `unavailable`, `overloaded` (queue
    ///   full), `timeout` (waited too long), `cancelled`. A body that has begun runs to its end.
    public func withConnection<T: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        let ticket = Mutex(Ticket.waiting)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let id = submit { connection in
                    continuation.resume(with: Result { try body(connection.get()) })
                }
                let cancelled = ticket.withLock { $0.submitted(id) }
                if let cancelled { cancel(cancelled) }
            }
        } onCancel: {
            let id = ticket.withLock { $0.cancelled() }
            if let id { cancel(id) }
        }
    }

    /// Runs one statement and maps its rows on the session's thread.
    public func query<T: Sendable>(
        _ statement: PostgresStatement, _ values: [PostgresValue] = [],
        row: @escaping @Sendable (PostgresRow) throws(PostgresError) -> T
    ) async throws(PostgresError) -> [T] {
        try await typed { try $0.query(statement, values, row: row) }
    }

    /// Runs one statement; returns how many rows it inserted, changed or deleted.
    @discardableResult
    public func execute(_ statement: PostgresStatement, _ values: [PostgresValue] = []) async throws(PostgresError)
        -> Int
    {
        try await typed { try $0.execute(statement, values) }
    }

    /// Runs `body` between BEGIN and COMMIT.
    public func transaction<T: Sendable>(
        timeout: Duration? = nil, _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        try await withConnection { try $0.transaction(timeout: timeout, body) }
    }

    private func typed<T: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws(PostgresError) -> T {
        do {
            return try await withConnection(body)
        } catch let error as PostgresError {
            throw error
        } catch {
            throw PostgresError(.internal, "an error of another kind")
        }
    }
}

/// Cancellation may come before the job has its id.
private enum Ticket {
    case waiting
    case queued(UInt64)
    case isCancelled

    /// The id to cancel, when that was asked for already.
    mutating func submitted(_ id: UInt64?) -> UInt64? {
        if case .isCancelled = self { return id }
        if let id { self = .queued(id) }
        return nil
    }

    mutating func cancelled() -> UInt64? {
        defer { self = .isCancelled }
        if case .queued(let id) = self { return id }
        return nil
    }
}
