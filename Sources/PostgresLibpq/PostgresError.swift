/// Why PostgreSQL did not do what it was asked.
///
/// The description is safe to log and to show to an operator: it never holds the text of a statement, a value, or a
/// password.
public struct PostgresError: Error, Hashable, Sendable {
    public enum Code: Hashable, Sendable {
        /// No connection, or the server ended it.
        case unavailable
        /// A statement, a connection attempt or the wait for a free connection took longer than its limit.
        case timeout
        /// The queue of this process or a resource of the server (connections, disk, memory) is full.
        case overloaded
        /// A row broke a constraint (SQLSTATE class 23).
        case constraint
        /// A value cannot be stored at all: wrong encoding, out of range (SQLSTATE class 22).
        case invalidValue
        /// Deadlock or failed serialisation: the same transaction may succeed when it is run again.
        case serialization
        /// The caller's task was cancelled before the work began.
        case cancelled
        /// The connection string or another setting cannot be used.
        case configuration
        /// Everything else: a defect of the program or of the schema.
        case `internal`
    }

    /// Whether the work may have been done although it failed.
    public enum Outcome: Hashable, Sendable {
        /// Nothing was changed.
        case notDone
        /// The connection was lost after the statement was sent: it may have been committed.
        case unknown
    }

    public var code: Code
    public var outcome: Outcome
    /// Five characters, where the server named one.
    public var sqlState: String?
    /// The constraint that was broken, where the server named one.
    public var constraint: String?
    /// One line, safe to log.
    public var message: String

    public init(
        _ code: Code, _ message: String, outcome: Outcome = .notDone, sqlState: String? = nil, constraint: String? = nil
    ) {
        self.code = code
        self.outcome = outcome
        self.sqlState = sqlState
        self.constraint = constraint
        self.message = message
    }

    /// Whether the same work may succeed a moment later.
    public var isTransient: Bool {
        switch code {
        case .unavailable, .timeout, .overloaded, .serialization: true
        case .constraint, .invalidValue, .cancelled, .configuration, .internal: false
        }
    }
}

extension PostgresError: CustomStringConvertible {
    public var description: String {
        let state = sqlState.map { " (\($0))" } ?? ""
        let unknown = outcome == .unknown ? "; whether it was done is unknown" : ""
        return "\(code)\(state): \(message)\(unknown)"
    }
}
