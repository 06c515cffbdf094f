import CLibpq
import Primitives

extension PostgresConnection {
    /// Opens a session within `connectTimeout`. Resolving the host name is libpq's blocking call and comes on top.
    ///
    /// - Throws: `unavailable` with SQLSTATE 25006 when the server is read-only and the parameters ask for another one.
    static func connect(_ configuration: PostgresConfiguration) throws(PostgresError) -> PostgresConnection {
        let deadline = ContinuousClock.now + configuration.connectTimeout
        let parameters = completed(configuration)
        guard let session = parameters.startConnecting() else {
            throw PostgresError(.unavailable, "no memory for a connection to PostgreSQL")
        }
        let connection = PostgresConnection(owning: session, configuration: configuration)
        // libpq would print notices to standard error.
        PQsetNoticeProcessor(session, { _, _ in }, nil)
        try connection.finishHandshake(until: deadline, secrets: parameters.secrets)
        guard PQsetnonblocking(session, 1) == 0 else {
            throw PostgresError(.unavailable, "the connection cannot be made non-blocking")
        }
        try connection.lookAround(needsWrites: parameters.needsWrites)
        if !connection.isPooled { try connection.setLimits(configuration.statementTimeout) }
        return connection
    }

    private static func completed(_ configuration: PostgresConfiguration) -> ConnectionParameters {
        var parameters = configuration.parameters.beginning(atHost: configuration.firstHost)
        // Of several hosts libpq takes the one that takes writes; the only one is refused when it does not.
        parameters.set("target_session_attrs", ifAbsent: "read-write")
        parameters.set("application_name", ifAbsent: configuration.applicationName)
        parameters.set("client_encoding", ifAbsent: "UTF8")
        // A peer that vanished without a word is noticed within this time even between statements.
        parameters.set("keepalives_idle", ifAbsent: "10")
        parameters.set("keepalives_interval", ifAbsent: "5")
        parameters.set("keepalives_count", ifAbsent: "3")
        return parameters
    }

    private func finishHandshake(until deadline: ContinuousClock.Instant, secrets: [String]) throws(PostgresError) {
        var state = PQstatus(session) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
        while state != PGRES_POLLING_OK {
            guard state != PGRES_POLLING_FAILED else {
                let message = PostgresError.connectionMessage(session, secrets: secrets)
                let isReadOnly = ["session is read-only", "in hot standby mode"].contains { message.contains($0) }
                throw PostgresError(.unavailable, message, sqlState: isReadOnly ? SQLState.readOnly : nil)
            }
            guard wait(for: state == PGRES_POLLING_READING ? .readable : .writable, until: deadline) else {
                throw PostgresError(.timeout, "PostgreSQL did not answer a connection attempt in time")
            }
            state = PQconnectPoll(session)
        }
    }

    /// Who is there: a pooler has told this client a process id of its own, and what it told of the server may be old.
    private func lookAround(needsWrites: Bool) throws(PostgresError) {
        let rows = try query("SELECT pg_backend_pid(), current_setting('transaction_read_only')")
        guard let row = rows.first else { throw PostgresError(.internal, "a session without a process id") }
        let (process, isReadOnly) = (try row.integer(0), try row.text(1) == "on")
        isPooled = configuration.hasPooler || process != PQbackendPID(session)
        if needsWrites, isReadOnly {
            throw PostgresError(.unavailable, "PostgreSQL is read-only", sqlState: SQLState.readOnly)
        }
    }

    /// Set by a statement and not by the startup packet's `options`, which poolers refuse.
    private func setLimits(_ timeout: Duration) throws(PostgresError) {
        try query(
            "SELECT set_config('statement_timeout', $1, false), set_config('idle_in_transaction_session_timeout', $1, false)",
            [.text(String(timeout.milliseconds))])
    }
}
