public import PostgresLibpq

/// Why the database refused or failed. The message is safe to log and to show.
public struct StorageError: Error, Hashable, Sendable {
    public enum Code: String, Hashable, Sendable {
        /// The database is away: `503` with `Retry-After`.
        case unavailable
        /// It did not answer in time: `503` with `Retry-After`.
        case timeout
        /// More waits than the limit allows, or the server is out of a resource: `503` with `Retry-After`.
        case overloaded
        /// The id is stored already.
        case duplicate
        /// A value that can never be stored.
        case invalid
        /// What it belongs to does not take it; the message is the reason's code.
        case refused
        /// The cursor names nothing in this list.
        case unknownCursor = "unknown_cursor"
        /// A defect of the program or of the schema, or files that belong to a row failed.
        case `internal`
    }

    public var code: Code
    public var message: String
    /// `true` when the connection was lost at a moment at which the change may have been committed.
    public var outcomeIsUnknown: Bool

    public init(_ code: Code, _ message: String, outcomeIsUnknown: Bool = false) {
        self.code = code
        self.message = message
        self.outcomeIsUnknown = outcomeIsUnknown
    }

    public init(_ error: PostgresError) {
        let code: Code =
            switch error.code {
            case .unavailable, .cancelled, .configuration: .unavailable
            case .timeout: .timeout
            case .overloaded, .serialization: .overloaded
            case .constraint, .invalidValue: .invalid
            case .internal: .internal
            }
        self.init(code, error.message, outcomeIsUnknown: error.outcome == .unknown)
    }

    init(any error: any Error) {
        switch error {
        case let error as StorageError: self = error
        case let error as PostgresError: self.init(error)
        default: self.init(.internal, "\(error)")
        }
    }

    /// The text has a word that is refused: the database's functions `moderate_post` and `moderate_comment` say so.
    public var isFilteredWord: Bool { code == .invalid && message == "a filtered word" }

    /// A comment that was stored, and is published when a moderator has approved it.
    public static let held = StorageError(.invalid, "a moderator has to look at it first")

    /// Whether the same request may succeed a moment later.
    public var isTransient: Bool {
        switch code {
        case .unavailable, .timeout, .overloaded: true
        case .duplicate, .invalid, .refused, .unknownCursor, .internal: false
        }
    }
}

extension StorageError: CustomStringConvertible {
    public var description: String { "\(code.rawValue): \(message)\(outcomeIsUnknown ? "; outcome unknown" : "")" }
}

extension PostgresPool {
    /// Runs `body` on a session; errors become ``StorageError``.
    public func session<T: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws(StorageError) -> T {
        do {
            return try await withConnection(body)
        } catch {
            throw StorageError(any: error)
        }
    }
}
