import Foundation
import Placement
import PostgresLibpq
import Primitives
import RedisNIO
import TestSupport
import Testbed
import Testing

@testable import Social
@testable import Storage

@Suite struct FeedScheduleTests {
    /// Whatever happens between the steps of readers and pushes, a feed that is read afterwards is what SQL says, and no
    /// page but the last is short.
    @Test(arguments: 0..<10) func everyPageEqualsSQL(block: UInt64) async throws {
        let seeds = UInt64(ProcessInfo.processInfo.environment["CHORUS_SEEDS"].flatMap { UInt64($0) } ?? 2_000) / 10
        for seed in block * seeds..<(block + 1) * seeds {
            let model = FeedModel(seed: seed)
            for step in 0..<60 {
                try await model.happen()
                guard step % 4 == 3 else { continue }
                let viewer = FeedModel.users[step / 4 % FeedModel.users.count]
                let limit = 1 + step % 5
                let pages = try await model.pages(of: viewer, limit: limit)
                let expected = model.feed(of: viewer)
                guard pages.joined().elementsEqual(expected), pages.dropLast().allSatisfy({ $0.count == limit }) else {
                    let trace = model.trace.joined(separator: "\n")
                    Issue.record("seed \(seed), step \(step), \(viewer): \(pages), not \(expected)\n\(trace)")
                    return
                }
            }
        }
    }
}

@Suite struct RedisFeedCacheTests {
    /// The scripts do what the model does: thousands of steps, with as many posts as make them trim.
    @Test(arguments: 0..<4) func theScriptsAreTheModel(seed: UInt64) async throws {
        try await withClient { redis in
            let cache = RedisFeedCache(redis: redis)
            var random = Xoshiro256(seed: seed)
            var model: FeedModel.Kept?
            var token = ""
            for step in 0..<1_500 {
                switch random.below(40) {
                case 0:
                    token = try await cache.begin("anna")
                    model = FeedModel.Kept(token: token, expiresAt: 0)
                case 1, 2:
                    let count = random.below(2) == 0 ? 400 : Int(random.below(400))
                    let top = Int64(random.below(3_000))
                    let entries = (0..<Int64(count)).map { top - $0 }.filter { $0 > 0 }
                        .map { FeedEntry(sequence: $0, post: "p\($0)") }
                    let feed = CachedFeed(version: Int64(step), floor: entries.last?.sequence ?? 1, entries: entries)
                    try await cache.install(feed, of: "anna", token: token)
                    if model?.floor == nil { model?.install(feed, keptMax: 400) }
                    // Of another time.
                    try await cache.install(feed, of: "anna", token: "0.0")
                case 3 where random.below(8) == 0:
                    _ = try await redis.send(RedisCommand("FLUSHALL"))
                    model = nil
                case 4...8:
                    let before = 1 + Int64(random.below(3_000))
                    let limit = 1 + Int(random.below(60))
                    let expected = model.flatMap { model in
                        model.floor.map { floor in
                            CachedFeed(
                                version: model.version, floor: floor,
                                entries: Array(model.entries.lazy.filter { $0.sequence < before }.prefix(limit)))
                        }
                    }
                    let read = try await cache.read("anna", before: before, limit: limit)
                    guard read == expected else {
                        Issue.record("step \(step): \(String(describing: read)), not \(String(describing: expected))")
                        return
                    }
                default:
                    let entry = Int64(1 + random.below(3_000))
                    try await cache.push(FeedEntry(sequence: entry, post: "p\(entry)"), to: ["anna", "nobody"])
                    model?.push(FeedEntry(sequence: entry, post: "p\(entry)"), keptMax: 400)
                }
            }
            #expect(try await cache.read("nobody", before: .max, limit: 10) == nil)
        }
    }

    /// What another Redis had, or the same before it was restarted, does not count.
    @Test func aFeedOfAnotherHistoryIsNone() async throws {
        try await withClient { redis in
            let cache = RedisFeedCache(redis: redis)
            let feed = CachedFeed(version: 1, floor: 1, entries: [FeedEntry(sequence: 5, post: "p")])
            try await cache.install(feed, of: "anna", token: try await cache.begin("anna"))
            #expect(try await cache.read("anna", before: .max, limit: 10) == feed)
            let key = RedisFeedCache.key("anna")
            let marker = try #require(try await redis.send(RedisCommand("ZRANGE", key, "0", "0")).array?[0].text)
            let token = try #require(marker.split(separator: " ").last)
            let other = marker.replacing(token, with: "0123456789abcdef.x")
            _ = try await redis.send(RedisCommand("ZREM", key, marker))
            _ = try await redis.send(RedisCommand("ZADD", key, "0", other))
            #expect(try await cache.read("anna", before: .max, limit: 10) == nil)
            // It ends by itself, before posts are no longer pushed.
            let left = try await redis.send(RedisCommand("PTTL", key)).integer ?? 0
            #expect(left > 0 && left < Int64(Feed.seenDays) * 86_400_000 - 3_600_000)
        }
    }
}

private func withClient(_ body: (RedisClient) async throws -> Void) async throws {
    try await withRedis { node in
        let redis = RedisClient(endpoint: try RedisEndpoint(parsing: node.url), logger: quietLogger)
        try await withBackground({ try await redis.run() }) {
            #expect(await eventually { redis.isConnected })
            try await body(redis)
        }
    }
}

/// With PostgreSQL and Redis.
@Suite struct FeedSystemTests {
    private struct System {
        let pool: PostgresPool
        let redis: RedisClient
        let posts: PostStore
        let relations: RelationStore
        let reader: FeedReader
        let relay: OutboxRelay

        func register(_ users: [String]) async throws {
            try await pool.execute(
                "INSERT INTO users (user_id, email, password) SELECT name, 'a@b', '' FROM unnest($1::text[]) AS name",
                [.texts(users)])
        }

        func post(_ id: String, by author: String, _ visibility: Visibility = .public) async throws {
            let created = try await posts.create(
                NewPost(id: id, author: author, content: id, visibility: visibility))
            guard case .created = created else { throw StorageError(.internal, "\(id) is not created") }
        }

        func push() async throws { while try await relay.relay() > 0 {} }

        /// All pages.
        func feed(of viewer: String, limit: Int = 7) async throws -> [String] {
            var all: [String] = []
            var before: Int64?
            repeat {
                let page = try await reader.page(of: viewer, before: before, limit: limit)
                all += page.items.map(\.post.id)
                if page.next != nil { #expect(page.items.count == limit) }
                before = page.next.flatMap { Feed.position(of: $0) }
            } while before != nil
            return all
        }

        /// The definition.
        func sql(of viewer: String) async throws -> [String] {
            try await pool.query(
                """
                SELECT post_id FROM posts
                WHERE deleted_at IS NULL AND may_see($1, author_id, visibility) AND (author_id = $1 OR author_id IN (
                    SELECT followee_id FROM follows WHERE follower_id = $1))
                ORDER BY sequence DESC
                """, [.text(viewer)]
            ) { row throws(PostgresError) in try row.text(0) }
        }

        func isKept(_ viewer: String) async throws -> Bool {
            try await redis.send(RedisCommand("EXISTS", RedisFeedCache.key(viewer))).integer == 1
        }
    }

    private func withSystem(_ body: (System) async throws -> Void) async throws {
        try await withDatabase(connections: 3) { pool in
            try await withClient { redis in
                let fanout = FeedFanout(pool: pool, redis: redis)
                try await body(
                    System(
                        pool: pool, redis: redis, posts: PostStore(pool: pool), relations: RelationStore(pool: pool),
                        reader: FeedReader(pool: pool, redis: redis, logger: quietLogger),
                        relay: OutboxRelay(pool: pool, topic: .feed, logger: quietLogger, handler: fanout.handle)))
            }
        }
    }

    /// A seeded schedule in which Redis is emptied; every page is what SQL says.
    @Test(arguments: [1, 2, 3] as [UInt64]) func equalsSQL(seed: UInt64) async throws {
        try await withSystem { system in
            var random = Xoshiro256(seed: seed)
            let users = (0..<8).map { "user\($0)" }
            try await system.register(users)
            func someone() -> String { users[Int(random.below(8))] }
            for step in 0..<250 {
                let (one, other) = (someone(), someone())
                switch random.below(20) {
                case 0...6:
                    try await system.post("p\(step)", by: one, random.below(3) == 0 ? .followers : .public)
                case 7...10 where one != other: _ = try await system.relations.follow(other, by: one)
                case 11 where one != other: try await system.relations.unfollow(other, by: one)
                case 12 where one != other && random.below(3) == 0:
                    _ = try await system.relations.block(other, by: one)
                    if random.below(2) == 0 { try await system.relations.unblock(other, by: one) }
                case 13:
                    let id = "p\(random.below(step + 1))"
                    _ = try await system.posts.delete(id, by: nil, isModerator: true)
                case 14...16: _ = try await system.relay.relay()
                case 17 where random.below(4) == 0:
                    _ = try await system.redis.send(RedisCommand("FLUSHALL"))
                case 18 where random.below(2) == 0:
                    try await system.pool.execute(
                        "INSERT INTO large_authors VALUES ($1) ON CONFLICT DO NOTHING", [.text(one)])
                default:
                    let limit = 1 + Int(random.below(12))
                    #expect(try await system.feed(of: one, limit: limit) == system.sql(of: one), "step \(step)")
                }
            }
            for user in users { #expect(try await system.feed(of: user) == system.sql(of: user)) }
            try await system.push()
            #expect(try await system.pool.numbers("SELECT count(*) FROM outbox WHERE topic = 'feed'") == [0])
            for user in users { #expect(try await system.feed(of: user) == system.sql(of: user)) }
        }
    }

    @Test func whoIsPushedTo() async throws {
        try await withSystem { system in
            try await system.register(["anna", "seen", "away", "never"])
            for user in ["seen", "away", "never"] { _ = try await system.relations.follow("anna", by: user) }
            for user in ["seen", "away"] { _ = try await system.feed(of: user) }
            try await system.pool.execute("UPDATE users SET seen_at = now() - interval '8 days' WHERE user_id = 'away'")
            let database = PostgresFeedDatabase(pool: system.pool)
            #expect(try await database.followers(of: "anna", after: "", limit: 10) == ["seen"])
            try await system.post("p", by: "anna")
            try await system.push()
            let key = RedisFeedCache.key("seen")
            #expect(try await system.redis.send(RedisCommand("ZSCORE", key, "p")).text != nil)
            let never = try await system.isKept("never")
            #expect(!never)
            #expect(try await system.feed(of: "never") == ["p"])
            // More followers than are pushed to: from then on its readers find the posts.
            try await system.pool.execute(
                """
                INSERT INTO users (user_id, email, password)
                SELECT 'many' || n, 'a@b', '' FROM generate_series(1, 10000) AS n
                """)
            try await system.pool.execute(
                """
                INSERT INTO follows (follower_id, followee_id)
                SELECT 'many' || n, 'anna' FROM generate_series(1, 10000) AS n
                """)
            try await system.post("q", by: "anna")
            try await system.push()
            #expect(try await system.redis.send(RedisCommand("ZSCORE", key, "q")).text == nil)
            #expect(try await system.feed(of: "seen") == ["q", "p"])
            #expect(try await system.feed(of: "anna") == ["q", "p"])
            #expect(try await system.pool.texts("SELECT user_id FROM large_authors") == ["anna"])
        }
    }

    /// More posts than Redis keeps, and more that wait than are looked through.
    @Test func longFeedsAndLongQueues() async throws {
        try await withSystem { system in
            try await system.register(["anna", "bert"])
            _ = try await system.relations.follow("anna", by: "bert")
            func write(_ count: Int) async throws {
                try await system.pool.execute(
                    """
                    WITH new AS (
                        INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
                        SELECT 'x' || nextval('outbox_id_seq'), 'anna', 'x', 'public', true, 0
                        FROM generate_series(1, $1::bigint)
                        RETURNING post_id, sequence)
                    INSERT INTO outbox (topic, payload)
                    SELECT 'feed', jsonb_build_object('post', post_id, 'author', 'anna', 'sequence', sequence) FROM new
                    """, [.bigint(Int64(count))])
            }
            try await write(450)
            try await system.push()
            #expect(try await system.feed(of: "bert", limit: 90) == system.sql(of: "bert"))
            try await write(30)
            try await system.push()
            #expect(try await system.feed(of: "bert", limit: 90) == system.sql(of: "bert"))
            #expect(
                try await system.redis.send(RedisCommand("ZCARD", RedisFeedCache.key("bert"))).integer == 401)
            try await write(1_100)
            #expect(try await system.feed(of: "bert", limit: 200) == system.sql(of: "bert"))
            // Rows that come again.
            try await write(5)
            let rows = try await system.pool.query("SELECT id, payload::text FROM outbox ORDER BY id DESC LIMIT 5") {
                row throws(PostgresError) in
                OutboxRow(id: try row.bigint(0), payload: try row.text(1), attempt: 1)
            }
            let fanout = FeedFanout(pool: system.pool, redis: system.redis)
            for _ in 0..<2 { try await fanout.handle(rows) }
            try await system.push()
            #expect(try await system.feed(of: "bert", limit: 200) == system.sql(of: "bert"))
            await #expect(throws: StorageError.self) {
                try await fanout.handle([OutboxRow(id: 1, payload: "{}", attempt: 1)])
            }
        }
    }

    /// Follows that end with their users are changes, too.
    @Test func aUserWhoGoesTakesThePosts() async throws {
        try await withSystem { system in
            try await system.register(["anna", "bert"])
            _ = try await system.relations.follow("anna", by: "bert")
            try await system.post("p", by: "anna")
            try await system.push()
            #expect(try await system.feed(of: "bert") == ["p"])
            try await system.pool.execute("DELETE FROM users WHERE user_id = 'anna'")
            #expect(try await system.feed(of: "bert").isEmpty)
            #expect(try await system.pool.numbers("SELECT version FROM feed_versions WHERE user_id = 'bert'") == [2])
            try await system.pool.execute("DELETE FROM users WHERE user_id = 'bert'")
            #expect(try await system.pool.numbers("SELECT count(*) FROM feed_versions") == [0])
        }
    }
}
