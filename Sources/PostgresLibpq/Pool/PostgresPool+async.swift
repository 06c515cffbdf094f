extension PostgresPool {
    /// Runs `body` with a session, on that session's thread. `body` may block on the session and on nothing else.
    ///
    /// - Throws: what `body` throws; a ``PostgresError`` when there is no session: `unavailable`, `overloaded` (queue
    ///   full), `timeout` (waited too long), `cancelled`. A body that has begun runs to its end.
    public func withConnection<T: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        let id = makeID()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                submit(id) { connection in
                    continuation.resume(with: Result { try body(connection.get()) })
                }
                // Cancelled before the job was queued: nobody has found it.
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    /// Runs `body` between BEGIN and COMMIT.
    public func transaction<T: Sendable>(
        timeout: Duration? = nil, _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        try await withConnection { try $0.transaction(timeout: timeout, body) }
    }
}
