import CoreMetrics
import FoundationEssentials
public import PostgresLibpq
public import RedisNIO
public import Storage

/// Handles the rows of ``OutboxTopic/feed``: brings new posts into the feeds of those who follow their authors.
public struct FeedFanout: Sendable {
    /// Of a row.
    private struct Payload: Decodable {
        var post: String
        var author: String
        var sequence: Int64
    }

    private let database: any FeedDatabase
    private let cache: any FeedCache
    private let chunk: Int
    private let pushed = Counter(label: "chorus_feed_posts_pushed_total")
    private let pushes = Counter(label: "chorus_feed_pushes_total")
    private let left = Counter(label: "chorus_feed_posts_pulled_total")

    public init(pool: PostgresPool, redis: RedisClient) {
        self.init(database: PostgresFeedDatabase(pool: pool), cache: RedisFeedCache(redis: redis))
    }

    init(database: any FeedDatabase, cache: any FeedCache, chunk: Int = Feed.chunk) {
        self.database = database
        self.cache = cache
        self.chunk = chunk
    }

    /// A row that comes again does no harm.
    ///
    /// - Throws: ``StorageError``, with code `invalid` for a row that names no post.
    public func handle(_ rows: [OutboxRow]) async throws {
        for row in rows {
            guard let post = try? JSONDecoder().decode(Payload.self, from: Data(row.payload.utf8)) else {
                throw StorageError(.invalid, "the row names no post")
            }
            do {
                try await push(FeedEntry(sequence: post.sequence, post: post.post), by: post.author)
            } catch let error as RedisError {
                throw StorageError(.unavailable, "feeds cannot be pushed: \(error.code)")
            }
        }
    }

    private func push(_ entry: FeedEntry, by author: String) async throws {
        if try await database.isLarge(author) {
            left.increment()
            return
        }
        // Step by step: a name behind the last one, however the follows change meanwhile.
        var viewers = [author]
        var last = ""
        while !viewers.isEmpty {
            try await cache.push(entry, to: viewers)
            pushes.increment(by: viewers.count)
            viewers = try await database.followers(of: author, after: last, limit: chunk)
            last = viewers.last ?? last
        }
        pushed.increment()
    }
}
