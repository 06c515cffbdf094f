import Wire

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

/// Where a page of likers ended; clients carry it as text, `<microseconds>.<user>`.
public struct LikersCursor: Hashable, Sendable, CustomStringConvertible {
    public let at: Int64
    public let user: String

    public init(at: Int64, user: String) {
        self.at = at
        self.user = user
    }

    /// `nil` for text in another form.
    public init?(parsing text: some StringProtocol) {
        guard let dot = text.firstIndex(of: "."), let at = Int64(text[..<dot]), TimestampRange.all.contains(at)
        else { return nil }
        let user = text[text.index(after: dot)...]
        guard Identifier.isValid(user) else { return nil }
        self.init(at: at, user: String(user))
    }

    public var description: String { "\(at).\(user)" }
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

/// Where a page of members ended.
public struct MembersCursor: Hashable, Sendable {
    package let slot: Int16
    package let user: String

    package init(slot: Int16, user: String) {
        self.slot = slot
        self.user = user
    }
}

/// Users whose like of a photo counts.
public struct MembersPage: Equatable, Sendable {
    public var users: [String]
    /// `nil` on the last page.
    public var next: MembersCursor?

    public init(users: [String], next: MembersCursor?) {
        self.users = users
        self.next = next
    }
}

/// A photo's count in the database.
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
