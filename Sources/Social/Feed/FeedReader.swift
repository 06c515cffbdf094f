import CoreMetrics
public import Logging
public import PostgresLibpq
public import RedisNIO
public import Storage

/// Reads feeds page by page.
public struct FeedReader: Sendable {
    private let database: any FeedDatabase
    private let cache: any FeedCache
    private let keptMax: Int
    private let logger: Logger
    private let pages = Counter(label: "chorus_feed_pages_total")
    private let built = Counter(label: "chorus_feed_built_total")
    private let fromDatabase = Counter(label: "chorus_feed_database_reads_total")

    /// The pool is started and stopped by the caller; the schema is there (``Storage/Migrator``).
    public init(pool: PostgresPool, redis: RedisClient, logger: Logger) {
        self.init(database: PostgresFeedDatabase(pool: pool), cache: RedisFeedCache(redis: redis), logger: logger)
    }

    init(database: any FeedDatabase, cache: any FeedCache, keptMax: Int = Feed.keptMax, logger: Logger) {
        self.database = database
        self.cache = cache
        self.keptMax = keptMax
        self.logger = logger
    }

    /// A page of a user's feed, newest first: never shorter than `limit` while there is more.
    ///
    /// - Parameters:
    ///   - before: from ``Feed/position(of:)``.
    ///   - limit: 1 to 200.
    public func page(of viewer: String, before: Int64?, limit: Int) async throws(StorageError) -> Page<FeedItem, String>
    {
        pages.increment()
        let start = before ?? .max
        // Some more than a page, for those that turn out to be hidden.
        let asked = min(2 * limit + 10, keptMax)
        let newest = try await newest(of: viewer, before: start, limit: asked)
        var items = try await items(newest.entries, upTo: limit + 1, for: viewer)
        var position = newest.downTo
        while items.count <= limit, position > 1 {
            fromDatabase.increment()
            let more = try await database.entries(of: viewer, before: position, limit: limit + 1).entries
            items += try await self.items(more, upTo: limit + 1 - items.count, for: viewer)
            position = more.count <= limit ? 0 : more.last?.sequence ?? 0
        }
        return Page(items, limit: limit, cursor: Feed.cursor)
    }

    /// The first of the entries that may be seen; no more of them are read than are needed.
    private func items(
        _ entries: [FeedEntry], upTo count: Int, for viewer: String
    ) async throws(StorageError) -> [FeedItem] {
        var items: [FeedItem] = []
        var rest = entries[...]
        while items.count < count, !rest.isEmpty {
            let next = rest.prefix(count - items.count)
            rest = rest.dropFirst(next.count)
            items += try await database.items(next.map(\.post), for: viewer)
        }
        return items
    }

    /// What is known without a walk through the database, and how far down; all from `before` down if that is nothing.
    private func newest(
        of viewer: String, before: Int64, limit: Int
    ) async throws(StorageError) -> (entries: [FeedEntry], downTo: Int64) {
        let standing = try await database.standing(of: viewer, before: before, limit: limit)
        if !standing.isSeen { try await database.markSeen(viewer) }
        guard !standing.isBehind else { return ([], before) }
        do {
            let cached = try await cache.read(viewer, before: before, limit: limit)
            if let cached, cached.version == standing.version {
                if !standing.isSeen { try await cache.keep(viewer) }
                // Older than everything that is kept.
                guard cached.floor < before else { return ([], before) }
                return Feed.merge(cached, standing, limit: limit)
            }
            return try await build(viewer, before: before)
        } catch let error as StorageError {
            throw error
        } catch {
            logger.debug("a feed comes from the database", metadata: ["error": "\(error)"])
            return ([], before)
        }
    }

    private func build(_ viewer: String, before: Int64) async throws -> (entries: [FeedEntry], downTo: Int64) {
        built.increment()
        let token = try await cache.begin(viewer)
        let (version, entries) = try await database.entries(of: viewer, before: .max, limit: keptMax)
        let floor = entries.count < keptMax ? 1 : entries.last?.sequence ?? 1
        try await cache.install(
            CachedFeed(version: version, floor: floor, entries: entries), of: viewer, token: token)
        guard floor < before else { return ([], before) }
        return (entries.filter { $0.sequence < before }, floor)
    }
}
