/// One who likes a photo.
public struct Liker: Hashable, Sendable {
    public var user: String
    /// Microseconds since 1970-01-01T00:00:00Z.
    public var at: Int64

    public init(user: String, at: Int64) {
        self.user = user
        self.at = at
    }
}

/// Likers, newest first.
public struct LikersPage: Equatable, Sendable {
    public var likers: [Liker]
    /// `nil` on the last page.
    public var next: LikersCursor?

    public init(likers: [Liker], next: LikersCursor?) {
        self.likers = likers
        self.next = next
    }
}

/// A member of a part: a user whose like counts.
public struct LikeMember: Hashable, Sendable {
    public var user: String
    public var version: Int64

    public init(user: String, version: Int64) {
        self.user = user
        self.version = version
    }
}

/// Members of a part of a photo.
public struct MembersPage: Equatable, Sendable {
    public var members: [LikeMember]
    /// `nil` on the last page.
    public var next: MembersCursor?

    public init(members: [LikeMember], next: MembersCursor?) {
        self.members = members
        self.next = next
    }
}

/// A photo's count in the record.
public struct PhotoCount: Hashable, Sendable {
    public var photo: String
    public var count: Int64

    public init(photo: String, count: Int64) {
        self.photo = photo
        self.count = count
    }
}

/// What recounting found.
public struct CountRepair: Hashable, Sendable {
    public var before: Int64
    public var after: Int64

    public init(before: Int64, after: Int64) {
        self.before = before
        self.after = after
    }
}
