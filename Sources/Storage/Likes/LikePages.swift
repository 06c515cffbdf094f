import Wire

/// A part of a list that is read page by page.
public struct Page<Item: Sendable, Cursor: Sendable>: Sendable {
    public var items: [Item]
    /// Where the next page begins; `nil` on the last one.
    public var next: Cursor?

    public init(items: [Item] = [], next: Cursor? = nil) {
        self.items = items
        self.next = next
    }

    /// The first `limit` of some rows; there is a next page when there are more.
    public init(_ rows: [Item], limit: Int, cursor: (Item) -> Cursor) {
        items = Array(rows.prefix(limit))
        next = rows.count > limit ? items.last.map(cursor) : nil
    }
}

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

/// A user whose like of a photo counts; and where a page of them ended.
public struct LikeMember: Hashable, Sendable {
    public var slot: Int16
    public var user: String

    public init(slot: Int16, user: String) {
        self.slot = slot
        self.user = user
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
