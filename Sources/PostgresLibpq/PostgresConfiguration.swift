public import Primitives

/// Where PostgreSQL is and how long to wait for it.
public struct PostgresConfiguration: Sendable {
    /// Connections, each with a thread of its own; 1 to 64.
    public var connections = 4
    /// Jobs that may wait for a connection; one more is refused with `overloaded`.
    public var queueMax = 1024
    /// How long a job may wait for a connection before it fails with `timeout`.
    public var queueWaitMax: Duration = .seconds(5)
    /// From the start of a connection attempt to a usable session.
    public var connectTimeout: Duration = .seconds(3)
    /// `statement_timeout` of the session. The client waits ``answerGrace`` longer, then drops the connection.
    public var statementTimeout: Duration = .seconds(5)
    /// What a frozen server gets on top of `statementTimeout` before the client closes the connection.
    public var answerGrace: Duration = .seconds(1)
    /// Pause between two connection attempts.
    public var backoff = Backoff(base: .milliseconds(100), cap: .seconds(5))
    /// Prepared statements kept per connection; none where a pooler stands between.
    public var preparedStatementsMax = 64
    /// Shown by the server in `pg_stat_activity`.
    public var applicationName = "chorus"

    let parameters: ConnectionParameters
    /// The host of several that is tried first.
    var firstHost = 0
    /// Whether a pooler has shown itself, and need not be looked for.
    var hasPooler = false

    /// - Parameter url: `postgresql://user:password@host:5432/database?sslmode=…` or a libpq keyword string. Of several
    ///   hosts, separated by commas, the one that takes writes is used, unless `target_session_attrs` says otherwise.
    /// - Throws: `configuration` when it cannot be parsed. The error repeats nothing of the string, since any part of
    ///   a mistyped URL may be the password.
    public init(url: String) throws(PostgresError) {
        parameters = try ConnectionParameters(parsing: url)
    }

    /// Host, port, user and database, for logs; never the password.
    public var target: String { parameters.target }
}
