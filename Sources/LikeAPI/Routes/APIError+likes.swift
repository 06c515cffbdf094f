import HTTPTypes
import Likes
import ServiceRuntime
import Storage

extension APIError {
    /// A like that is not known to be done, or a question that has no answer now.
    init(_ error: LikeError) {
        let code = error.code.rawValue
        switch error.code {
        case .unavailable: self = .unavailable(code, "Redis is away")
        case .timeout: self = .unavailable(code, "Redis did not answer in time; asking again does no harm")
        case .overloaded: self = .unavailable(code, "too much waits at the moment")
        case .backlogFull:
            self = .unavailable(code, "as many likes wait for the database as may wait", retryAfterSeconds: 5)
        case .databaseUnavailable: self = .unavailable(code, "the database has to confirm and does not answer")
        case .unknownPhoto: self = APIError(.notFound, code: code, "nobody registered this post")
        case .internal: self = .unavailable(code, "Redis or the database answered with an error").caused(by: error)
        }
    }

    /// A question to the database that failed.
    init(_ error: StorageError) {
        switch error.code {
        case .unavailable, .timeout, .overloaded:
            self = .unavailable(LikeError.Code.databaseUnavailable.rawValue, "the database does not answer")
        case .unknownCursor, .refused: self = .invalid("invalid_cursor", "after is no cursor of this list")
        case .invalid, .duplicate: self = .invalid(LikeRoutes.invalid, "the database refuses it")
        case .internal:
            self = .unavailable(LikeError.Code.internal.rawValue, "the database answered with an error")
                .caused(by: error)
        }
    }

    /// What needs PostgreSQL, in a process without it.
    static let databaseRequired = APIError(
        .notImplemented, code: "record_required", "this LikeAPI has no DATABASE_URL, and Redis alone does not keep this"
    )
}
