import Storage

/// A place in a feed: a post and the order of posts.
struct FeedEntry: Hashable, Sendable {
    var sequence: Int64
    var post: String
}

/// A post in somebody's feed.
public struct FeedItem: Equatable, Sendable {
    public var post: Post
    /// As the database has it: behind Redis by what write-behind has not stored yet.
    public var likes: Int64
    /// By the reader; as ``likes``.
    public var isLiked: Bool
    /// Comments that are not removed: kept by the transactions that store and remove them.
    public var comments: Int64
}

/// What is always asked of PostgreSQL, in front of Redis.
struct FeedStanding: Equatable, Sendable {
    /// Counts whom the reader followed and no longer follows: what Redis keeps of another number is not used.
    var version: Int64 = 0
    /// The reader's feed was asked for within the last hour, and is pushed to.
    var isSeen = false
    /// More than ``Feed/waitingMax`` posts wait to be pushed: Redis is not asked.
    var isBehind = false
    /// Posts of the feed that wait to be pushed, all of them.
    var waiting: [FeedEntry] = []
    /// Posts of authors who have too many followers to be pushed, newest first.
    var pulled: [FeedEntry] = []
}

/// Feeds in PostgreSQL. A feed is what its reader and those whom the reader follows wrote, newest first.
protocol FeedDatabase: Sendable {
    /// - Parameters:
    ///   - before: the sequence that everything is below.
    ///   - limit: of ``FeedStanding/pulled``.
    func standing(of viewer: String, before: Int64, limit: Int) async throws(StorageError) -> FeedStanding
    /// From now on posts are pushed to the reader.
    func markSeen(_ viewer: String) async throws(StorageError)
    /// A part of the feed, newest first, with posts that may be hidden from the reader.
    func entries(
        of viewer: String, before: Int64, limit: Int
    ) async throws(StorageError) -> (version: Int64, entries: [FeedEntry])
    /// Those of some posts that are in the feed and may be seen, newest first.
    func items(_ posts: [String], for viewer: String) async throws(StorageError) -> [FeedItem]
    /// Whether an author's posts are pulled, from now on for ever.
    func isLarge(_ author: String) async throws(StorageError) -> Bool
    /// An author's followers who were seen within ``Feed/seenDays``, by name.
    func followers(of author: String, after: String, limit: Int) async throws(StorageError) -> [String]
}

/// What Redis keeps of a feed.
struct CachedFeed: Equatable, Sendable {
    var version: Int64
    /// All of the feed from this sequence up is kept.
    var floor: Int64
    /// Newest first, below the sequence that was asked for; as many as were asked for, or all.
    var entries: [FeedEntry]
}

/// Feeds in Redis. Everything in it may be lost at any time.
protocol FeedCache: Sendable {
    /// `nil`: nothing that can be used.
    func read(_ viewer: String, before: Int64, limit: Int) async throws -> CachedFeed?
    /// Makes room for a feed that is about to be read from the database: what is pushed meanwhile is kept in it.
    ///
    /// - Returns: a token that ``install(_:of:token:)`` needs.
    func begin(_ viewer: String) async throws -> String
    /// Fills the room, if it is still the same.
    func install(_ feed: CachedFeed, of viewer: String, token: String) async throws
    /// The feed is asked for: it stays.
    func keep(_ viewer: String) async throws
    /// Adds a post to those of the feeds that are kept.
    func push(_ entry: FeedEntry, to viewers: [String]) async throws
}

/// Feeds: pushed to followers when an author has few, pulled from the author when there are many.
///
/// Redis keeps the newest of each feed that was asked for within a week, and a floor from which up it is complete. What
/// makes a page equal to the database's at any time:
/// 1. A post is pushed by its row in the outbox. PostgreSQL is asked first which posts still wait; one that does not has
///    been pushed before Redis is asked.
/// 2. A feed that is built is announced in Redis before the database is read, so that nothing pushed meanwhile is missing.
/// 3. A feed counts only with the number of the follows that it was built with, and only in the Redis that it was built
///    in: not after a restart or a failover, which may have lost pushes.
/// 4. The posts of a page come from the database, which says what is gone or hidden. What is missing then is read from
///    further below.
public enum Feed {
    /// Followers up to which an author's posts are pushed.
    public static let pushMax = 10_000
    /// Followers who were not seen for so long are not pushed to.
    static let seenDays = 7
    /// Posts of a feed in Redis.
    static let keptMax = 400
    /// Posts that may wait to be pushed before feeds come from PostgreSQL alone.
    static let waitingMax = 1_000
    /// Followers of one step of a push.
    static let chunk = 1_000

    /// A page's cursor; `nil` for what is none.
    public static func position(of cursor: String) -> Int64? {
        guard cursor.hasPrefix("feed."), let sequence = Int64(cursor.dropFirst(5)), sequence > 0 else { return nil }
        return sequence
    }

    static func cursor(after item: FeedItem) -> String { "feed.\(item.post.sequence)" }

    /// What Redis keeps together with what it does not keep, newest first, and how far down that is all of the feed.
    ///
    /// - Parameter limit: of the cached and the pulled ones: as many of them may be followed by others.
    static func merge(
        _ cached: CachedFeed, _ standing: FeedStanding, limit: Int
    ) -> (entries: [FeedEntry], downTo: Int64) {
        let kept = cached.entries.filter { $0.sequence >= cached.floor }
        var downTo = cached.floor
        if kept.count >= limit, let last = kept.last { downTo = max(downTo, last.sequence) }
        if standing.pulled.count >= limit, let last = standing.pulled.last { downTo = max(downTo, last.sequence) }
        let all = Set(kept + standing.pulled + standing.waiting).filter { $0.sequence >= downTo }
        return (all.sorted { $0.sequence > $1.sequence }, downTo)
    }
}
