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

    /// Runs `body` between BEGIN and COMMIT.
    public func transaction<T: Sendable>(
        timeout: Duration? = nil, _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        try await withConnection { try $0.transaction(timeout: timeout, body) }
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
