import Broker
import HTTPTypes
import Identity
import ServiceRuntime
import Storage

extension APIError {
    /// A comment that was not acknowledged.
    init(publishing error: any Error) { self.init(error, "the comment", stored: "stored", published: "published") }

    /// A page that could not be read.
    init(reading error: any Error) { self.init(error, "the history", stored: "read", published: "read") }

    /// A comment that is perhaps not removed; to ask again does no harm.
    init(removing error: any Error) { self.init(error, "the comment", stored: "removed", published: "removed") }

    private init(_ error: any Error, _ subject: String, stored: String, published: String) {
        switch error {
        case let error as APIError: self = error
        case let error as CommentError: self.init(error)
        case let error as StorageError where error.code == .unknownCursor: self.init(CommentError.unknownCursor)
        case let error as StorageError:
            self.init(error, didNot: "\(subject) was not \(stored)", perhaps: "\(subject) was \(stored)")
        case let error as BrokerError:
            self.init(error, didNot: "\(subject) was not \(published)", perhaps: "\(subject) was \(published)")
        default: self = .unavailable("storage_failed", "\(subject) was not \(stored)").caused(by: error)
        }
    }

    private init(_ error: CommentError) {
        switch error {
        case .idTaken:
            self.init(.conflict, code: "id_taken", "another comment has this Idempotency-Key, or it was removed")
        case .unknownCursor: self = .invalid("unknown_cursor", "before names no comment of this video")
        case .forbidden:
            self.init(
                .forbidden, code: "forbidden", "only its author may change a comment; a moderator may remove it too")
        case .videoNeeded: self = .invalid(CommentRoutes.invalid, "videoid is missing: without PostgreSQL it is needed")
        case .notFound: self.init(.notFound, code: "comment_not_found", "there is no such comment")
        case .stale(let revision):
            self.init(
                .conflict, code: "stale_revision", "the comment was changed meanwhile: its revision is \(revision)")
        }
    }

    private init(_ error: BrokerError, didNot: String, perhaps: String) {
        switch error.code {
        case .unavailable: self = .unavailable("broker_unavailable", "\(didNot): Redis is away")
        case .denied: self = .unavailable("broker_denied", "\(didNot): Redis does not allow it to this service")
        case .overloaded: self = .unavailable("broker_overloaded", "\(didNot): Redis takes no more at the moment")
        case .timeout: self = .unavailable("broker_timeout", "it is not known whether \(perhaps): Redis did not answer")
        case .internal:
            self = .unavailable("broker_failed", "\(didNot): Redis answered with an error").caused(by: error)
        }
    }

    private init(_ error: StorageError, didNot: String, perhaps: String) {
        let code = "storage_unavailable"
        if error.outcomeIsUnknown {
            self = .unavailable(code, "it is not known whether \(perhaps): PostgreSQL went away")
            return
        }
        switch error.code {
        case .unavailable: self = .unavailable(code, "\(didNot): PostgreSQL is away")
        case .timeout: self = .unavailable(code, "\(didNot): PostgreSQL is too slow")
        case .overloaded: self = .unavailable(code, "\(didNot): PostgreSQL takes no more at the moment")
        case .invalid where error.isFilteredWord:
            self = .invalid("filtered_word", "the comment has a word that is not taken here")
        case .refused: self = APIError.refusals[error.message] ?? .postNotFound
        case .invalid, .duplicate: self = .invalid(CommentRoutes.invalid, "the comment cannot be stored")
        case .unknownCursor, .internal:
            self = .unavailable("storage_failed", "\(didNot): PostgreSQL answered with an error").caused(by: error)
        }
    }
}

extension APIError {
    static let postNotFound = APIError(.notFound, code: "post_not_found", "there is no such post")
    /// Without PostgreSQL there are no posts.
    static let postsNeedDatabase = APIError(
        .notImplemented, code: "record_required", "posts are in PostgreSQL, and this CommentAPI has no DATABASE_URL")

    /// By the words of the database's function `comment_refusal`.
    fileprivate static let refusals: [String: APIError] = [
        "account_suspended": APIError(
            .forbidden, code: TokenProblem.suspended.rawValue, TokenProblem.suspended.sentence),
        "post_not_found": .postNotFound,
        "comments_closed": APIError(.forbidden, code: "comments_closed", "this post takes no comments"),
        "parent_not_found": APIError(
            .notFound, code: "comment_not_found", "there is no such comment to answer, or it is an answer itself"),
    ]
}
