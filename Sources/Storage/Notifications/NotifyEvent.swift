/// What somebody did that others may be told of; so it stands in the outbox, and so `docs/PROTOCOL.md` describes it.
///
/// Who is told is found out when the row is handled.
public struct NotifyEvent: Codable, Hashable, Sendable {
    public enum Kind: String, Codable, Sendable {
        /// `user` liked `photo`, which is `owner`'s.
        case like
        /// `user` wrote `comment` on `post`.
        case comment
        /// `user` wrote `post`, and somebody may be mentioned in it.
        case post
        /// `user` follows `owner`.
        case follow
    }

    /// Missing in rows of older programs, which were likes.
    public var type: Kind?
    public var user: String
    /// Microseconds since 1970-01-01T00:00:00Z.
    public var at: Int64
    public var photo: String?
    public var owner: String?
    public var post: String?
    public var comment: String?

    public init(
        _ type: Kind, user: String, at: Int64, photo: String? = nil, owner: String? = nil, post: String? = nil,
        comment: String? = nil
    ) {
        self.type = type
        self.user = user
        self.at = at
        self.photo = photo
        self.owner = owner
        self.post = post
        self.comment = comment
    }

    /// `nil` for what is no like.
    public var like: LikeEvent? {
        guard type ?? .like == .like, let photo, let owner else { return nil }
        return LikeEvent(photo: photo, owner: owner, user: user, at: at)
    }
}
