import Wire

/// One user likes one photo, or no longer does.
public struct LikeChange: Hashable, Sendable {
    public var photo: String
    public var user: String
    public var liked: Bool
    /// Larger is newer, per photo and user; of two equal ones the like wins. It must go on growing when Redis has lost
    /// its data, so it is made of time and not of a counter alone.
    public var version: Int64
    /// Microseconds since 1970-01-01T00:00:00Z.
    public var at: Int64

    public init(photo: String, user: String, liked: Bool, version: Int64, at: Int64) {
        self.photo = photo
        self.user = user
        self.liked = liked
        self.version = version
        self.at = at
    }

    /// Whether it can be a row. A batch with one that cannot would fail as a whole in the database.
    package var isValid: Bool {
        Identifier.isValid(photo) && Identifier.isValid(user) && TimestampRange.all.contains(at)
    }

    /// Whether this change wins over a state.
    package func wins(over version: Int64, liked: Bool) -> Bool {
        self.version > version || self.version == version && self.liked && !liked
    }
}

/// Times that PostgreSQL stores here.
enum TimestampRange {
    /// Microseconds since 1970-01-01T00:00:00Z, to the end of the year 9999.
    static let all: ClosedRange<Int64> = 0...253_402_300_799_999_999
}

/// What a batch of changes did.
public struct LikeBatchOutcome: Equatable, Sendable {
    /// Changes that were stored.
    public var changed = 0
    /// Changes that were older than what is stored, repeated, or overtaken within the batch.
    public var ignored = 0
    /// Indexes of changes that can never be stored, such as an invalid id. The others are done.
    public var refused: [Int] = []
    /// The new count of each photo whose count moved.
    public var counts: [String: Int64] = [:]
    /// Likes whose owners are not notified, because the outbox is full.
    public var notificationsSkipped = 0

    public init(changed: Int = 0, ignored: Int = 0, refused: [Int] = [], counts: [String: Int64] = [:]) {
        self.changed = changed
        self.ignored = ignored
        self.refused = refused
        self.counts = counts
    }
}
