import CLibpq
import Primitives

extension PostgresConnection {
    /// Runs `body` between BEGIN and COMMIT; ROLLBACK when it throws. Transactions do not nest.
    ///
    /// - Parameter timeout: replaces `statementTimeout` within this transaction.
    /// - Throws: what `body` throws. A lost connection has the outcome `unknown` only when COMMIT was on its way:
    ///   before that the server rolls back.
    public func transaction<T>(timeout: Duration? = nil, _ body: (PostgresConnection) throws -> T) throws -> T {
        guard !isInTransaction else { throw PostgresError(.internal, "transactions do not nest") }
        isInTransaction = true
        let usualTimeout = statementTimeout
        defer {
            isInTransaction = false
            statementTimeout = usualTimeout
        }
        let value: T
        do {
            try query("BEGIN")
            // Through a pooler the session has no limit of its own.
            if let limit = timeout ?? (isPooled ? statementTimeout : nil) { try setTimeout(limit) }
            value = try body(self)
            guard PQtransactionStatus(session) == PQTRANS_INTRANS else {
                throw PostgresError(.internal, "a statement of the transaction had failed")
            }
        } catch {
            rollBack()
            throw uncommitted(error)
        }
        try query("COMMIT")
        return value
    }

    /// Runs `body` with one more session, on this thread: for statements that may not stand in a transaction, while this
    /// session holds a lock.
    ///
    /// - Parameter statementTimeout: of the other session.
    public func withOtherSession<T>(
        statementTimeout: Duration, _ body: (PostgresConnection) throws -> T
    ) throws -> T {
        var configuration = configuration
        configuration.statementTimeout = statementTimeout
        return try body(PostgresConnection.connect(configuration))
    }

    /// Ends a transaction that a job left open, so that the next job can start; a session that does not follow is broken.
    func reset() {
        guard !isBroken, PQtransactionStatus(session) != PQTRANS_IDLE else { return }
        rollBack()
    }

    private func setTimeout(_ timeout: Duration) throws(PostgresError) {
        try query("SELECT set_config('statement_timeout', $1, true)", [.text(String(timeout.milliseconds))])
        statementTimeout = timeout
    }

    private func rollBack() {
        guard !isBroken else { return }
        do {
            try query("ROLLBACK")
        } catch {
            markBroken()
        }
    }

    private func uncommitted(_ error: any Error) -> any Error {
        guard var error = error as? PostgresError else { return error }
        error.outcome = .notDone
        return error
    }
}
