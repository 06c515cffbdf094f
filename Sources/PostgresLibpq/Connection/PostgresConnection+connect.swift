import CLibpq
import Primitives

extension PostgresConnection {
    /// Opens a session within `connectTimeout`. Resolving the host name is libpq's blocking call and comes on top.
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
        try connection.setLimits(configuration.statementTimeout)
        return connection
    }

    private static func completed(_ configuration: PostgresConfiguration) -> ConnectionParameters {
        var parameters = configuration.parameters
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
                throw PostgresError(.unavailable, PostgresError.connectionMessage(session, secrets: secrets))
            }
            guard wait(for: state == PGRES_POLLING_READING ? .readable : .writable, until: deadline) else {
                throw PostgresError(.timeout, "PostgreSQL did not answer a connection attempt in time")
            }
            state = PQconnectPoll(session)
        }
    }

    /// Set by a statement and not by the startup packet's `options`, which poolers refuse.
    private func setLimits(_ timeout: Duration) throws(PostgresError) {
        try query(
            "SELECT set_config('statement_timeout', $1, false), set_config('idle_in_transaction_session_timeout', $1, false)",
            [.text(String(timeout.milliseconds))])
    }
}
