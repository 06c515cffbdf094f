public import Wire

/// A comment as the database has it.
public struct StoredComment: Equatable, Sendable {
    public var comment: Comment
    public var channel: Channel
    /// Its place in the channel; `nil` until that is saved.
    public var position: Position?
    public var isRemoved: Bool

    public init(comment: Comment, channel: Channel, position: Position?, isRemoved: Bool) {
        self.comment = comment
        self.channel = channel
        self.position = position
        self.isRemoved = isRemoved
    }
}

/// One page, newest first.
public struct HistoryPage: Equatable, Sendable {
    public var comments: [StoredComment]
    /// `before` of the next page; `nil` on the last.
    public var next: String?

    public init(comments: [StoredComment], next: String?) {
        self.comments = comments
        self.next = next
    }
}

/// What became of a request to remove a comment.
public enum Removal: Equatable, Sendable {
    case removed(StoredComment)
    /// It was removed before, by whomever; `isPublished`: and the place of the removal's event is saved.
    case alreadyRemoved(StoredComment, isPublished: Bool)
    case notFound
    /// Neither its author nor a moderator.
    case forbidden
}

/// What became of a request to change a comment.
public enum Edit: Equatable, Sendable {
    case edited(StoredComment)
    case notFound
    /// Not its author.
    case forbidden
    case stale(revision: Int)
}

/// Which of a comment's events.
public enum CommentEventKind: Hashable, Sendable {
    case comment
    case edit
    case removal
}

/// The place that a comment or removal was given in its channel.
public struct PublishedPosition: Hashable, Sendable {
    /// The comment's id.
    public var id: String
    public var kind: CommentEventKind
    public var position: Position
    /// Of an edit: which one.
    public var revision: Int

    public init(id: String, kind: CommentEventKind = .comment, position: Position, revision: Int = 1) {
        self.id = id
        self.kind = kind
        self.position = position
        self.revision = revision
    }
}

/// What the sweep has to publish, or to find in the channel's history.
public struct OutboxEntry: Equatable, Sendable {
    public var kind: CommentEventKind
    public var channel: Channel
    public var comment: Comment
    /// The comment's own place, as far as it is known.
    public var position: Position?

    public init(kind: CommentEventKind, channel: Channel, comment: Comment, position: Position? = nil) {
        self.kind = kind
        self.channel = channel
        self.comment = comment
        self.position = position
    }
}

/// What is stored and not known to be published.
public struct OutboxDepth: Equatable, Sendable {
    /// Comments and removals; counted up to 100,000.
    public var count: Int
    /// Age of the oldest one; zero when there is none.
    public var oldest: Duration

    public init(count: Int, oldest: Duration) {
        self.count = count
        self.oldest = oldest
    }
}
