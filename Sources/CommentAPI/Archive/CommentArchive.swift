import Broker
import Storage
import Wire

/// Where comments go and come from: PostgreSQL and Redis (``RecordArchive``), or Redis alone (``RedisArchive``).
protocol CommentArchive: Sendable {
    /// Takes a comment over and publishes it.
    ///
    /// - Parameter isRepeatable: the client chose the id and may be sending this for the second time.
    func publish(
        _ comment: Comment, to channel: Channel, isRepeatable: Bool
    ) async throws(ArchiveFailure) -> Publication

    /// Comments of a video, newest first.
    ///
    /// - Parameters:
    ///   - before: the `next` of the page before, or the id of a comment; the page begins behind it.
    ///   - limit: 1 to 500.
    func history(of channel: Channel, before: String?, limit: Int) async throws(ArchiveFailure) -> CommentPage

    /// Takes a comment out of every history and tells its viewers. Idempotent.
    func remove(_ wish: RemovalWish) async throws(ArchiveFailure) -> RemovalOutcome
}

/// What became of a comment that was taken over.
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

/// Who wants which comment removed.
struct RemovalWish: Equatable {
    var id: String
    /// The channel of the comment's video; without a record there is no other way to find it.
    var channel: Channel?
    var user: String?
    var isModerator = false
}

struct RemovalOutcome: Equatable {
    var channel: Channel
    /// Whether its viewers have been told; if not, the outbox sweep will.
    var isPublished: Bool
}

/// Why an archive did not do what it was asked.
enum ArchiveFailure: Error, Equatable {
    case broker(BrokerError)
    case storage(StorageError)
    /// The id belongs to another comment.
    case idTaken
    case unknownCursor
    case notFound
    case forbidden
    /// Without a record, a comment is found by its video only.
    case videoNeeded
}

extension ArchiveFailure {
    static func ofBroker<Value: Sendable>(
        _ body: () async throws(BrokerError) -> Value
    ) async throws(ArchiveFailure) -> Value {
        do throws(BrokerError) { return try await body() } catch { throw .broker(error) }
    }

    static func ofStorage<Value: Sendable>(
        _ body: () async throws(StorageError) -> Value
    ) async throws(ArchiveFailure) -> Value {
        do throws(StorageError) {
            return try await body()
        } catch  where error.code == .unknownCursor {
            throw .unknownCursor
        } catch {
            throw .storage(error)
        }
    }
}

extension Publication {
    /// The answer to a repeated request, when it asks for the same comment as the first one did.
    static func repeated(
        _ comment: Comment, of earlier: Comment?, at position: Position?
    ) throws(ArchiveFailure) -> Publication {
        guard let earlier, earlier.userid == comment.userid, earlier.videoid == comment.videoid,
            earlier.comment == comment.comment
        else { throw .idTaken }
        return Publication(comment: earlier, position: position, isRepeated: true)
    }
}
