/// Somebody liked a photo that has an owner.
public struct LikeEvent: Hashable, Sendable {
    public var photo: String
    public var owner: String
    public var user: String
    /// Microseconds since 1970-01-01T00:00:00Z.
    public var at: Int64

    public init(photo: String, owner: String, user: String, at: Int64) {
        self.photo = photo
        self.owner = owner
        self.user = user
        self.at = at
    }
}

/// What a user is told.
public struct UserNotification: Hashable, Sendable {
    public enum Kind: String, Sendable {
        /// "user9 and 41 others liked your photo": one per owner, photo and window of time.
        case likes
        /// Somebody commented on the user's post.
        case comment
        /// Somebody answered the user's comment.
        case reply
        /// Somebody named the user, in a comment or a post.
        case mention
        /// Somebody follows the user.
        case follow
    }

    public var id: Int64
    public var kind: Kind = .likes
    public var owner: String
    /// The photo; else what the user is told of: a comment, a post, or a follower.
    public var photo: String
    /// The post that it is about.
    public var post: String?
    /// Microseconds since 1970-01-01T00:00:00Z; of likes a whole multiple of the window's length.
    public var windowStart: Int64
    /// Distinct users, up to the store's limit; 1 for what is not likes.
    public var likers: Int64
    public var newestUser: String
    /// Microseconds since 1970-01-01T00:00:00Z.
    public var newestAt: Int64
    /// `true` until the owner reads it, and again when somebody else likes the photo in the same window.
    public var isUnread: Bool
}

/// Where a page of notifications ended; clients carry it as text, `<microseconds>.<id>`.
public struct NotificationCursor: Hashable, Sendable, CustomStringConvertible {
    public let at: Int64
    public let id: Int64

    public init(at: Int64, id: Int64) {
        self.at = at
        self.id = id
    }

    /// `nil` for text in another form.
    public init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let at = Int64(parts[0]), let id = Int64(parts[1]),
            TimestampRange.all.contains(at), id >= 0
        else { return nil }
        self.init(at: at, id: id)
    }

    public var description: String { "\(at).\(id)" }
}

/// The database of notifications.
public protocol NotificationStore: Sendable {
    /// Groups likes. Events may come again and out of order: each user counts once per owner's photo and window. An
    /// owner's own like is no event. What cannot be stored is skipped.
    ///
    /// Of a comment its post's author is told, the author of the comment that it answers, and up to ten who are
    /// mentioned; each once, of the closest of these. Nobody is told of what a block or the post's visibility hides, nor
    /// twice that the same user follows.
    ///
    /// - Parameter rows: the outbox rows that the events come from: deleted in the same transaction. When one of them is
    ///   gone, somebody else has stored its events, and nothing is done: ``StorageError`` of code `duplicate`.
    /// - Returns: the notifications that changed, to be sent live.
    func add(_ events: [NotifyEvent], completing rows: [OutboxRow]) async throws(StorageError) -> [UserNotification]

    /// The owner's, newest first.
    ///
    /// - Parameter limit: 1 to 200; others are clamped.
    func notifications(
        of owner: String, before: NotificationCursor?, limit: Int
    ) async throws(StorageError) -> Page<UserNotification, NotificationCursor>

    /// Marks some of the owner's notifications as read, or with `nil` all of them; those of others stay.
    ///
    /// - Returns: how many were unread.
    func markRead(owner: String, ids: [Int64]?) async throws(StorageError) -> Int

    func unreadCount(of owner: String) async throws(StorageError) -> Int

    /// Deletes notifications whose newest like is older than `age`.
    ///
    /// - Returns: how many were deleted, 1,000 at most.
    func purge(olderThan age: Duration) async throws(StorageError) -> Int
}
