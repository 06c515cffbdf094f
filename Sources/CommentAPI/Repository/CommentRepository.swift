import Wire

/// Keeps and publishes comments: in PostgreSQL and Redis (``PostgresCommentRepository``), or in Redis alone
/// (``RedisCommentRepository``).
///
/// Every method throws ``CommentError``, `BrokerError` or `StorageError`.
protocol CommentRepository: Sendable {
    /// Keeps a comment and publishes it.
    ///
    /// A client that chose the id may be sending this for the second time.
    func publish(_ comment: Comment, to channel: Channel) async throws -> Publication

    /// Comments of a channel, newest first.
    ///
    /// - Parameters:
    ///   - before: the `next` of the page before, or the id of a comment; the page begins behind it.
    ///   - limit: 1 to 500.
    func history(of channel: Channel, before: String?, limit: Int) async throws -> CommentPage

    /// Removes a comment from every history and publishes the removal. Idempotent.
    func remove(_ request: RemovalRequest) async throws -> RemovalOutcome
}

/// What became of a comment that was accepted.
struct Publication: Equatable {
    /// As it is kept: of a repeated request, the comment of the first one.
    var comment: Comment
    /// `nil`: it is stored, and the outbox sweep will publish it.
    var position: Position?
    var isRepeated = false
}

/// A page of comments, newest first.
struct CommentPage: Equatable {
    /// JSON objects: the members of the event, and `offset` and `epoch` where they are known.
    var comments: [[UInt8]]
    /// `before` of the next page; `nil` on the last.
    var next: String?
}

/// Who asks for which comment to be removed.
struct RemovalRequest: Equatable {
    var id: String
    /// The channel of the comment's video; without PostgreSQL there is no other way to find it.
    var channel: Channel?
    var user: String?
    var isModerator = false
}

struct RemovalOutcome: Equatable {
    var channel: Channel
    /// Whether the removal was published; if not, the outbox sweep will publish it.
    var isPublished: Bool
}

/// Why a repository did not do what it was asked, when neither Redis nor PostgreSQL is the reason.
enum CommentError: Error, Equatable {
    /// The id belongs to another comment.
    case idTaken
    case unknownCursor
    case notFound
    case forbidden
    /// Without PostgreSQL, a comment is found by its video only.
    case videoNeeded
    /// Somebody changed it meanwhile.
    case stale(revision: Int)
}

extension Publication {
    /// The answer to a repeated request, when it asks for the same comment as the first one did.
    static func repeated(
        _ comment: Comment, of earlier: Comment?, at position: Position?
    ) throws -> Publication {
        guard let earlier, earlier.userid == comment.userid, earlier.channel == comment.channel,
            earlier.parent == comment.parent, earlier.comment == comment.comment || earlier.revision > 1
        else { throw CommentError.idTaken }
        return Publication(comment: earlier, position: position, isRepeated: true)
    }
}
