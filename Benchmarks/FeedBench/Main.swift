internal import ArgumentParser
import Logging
import PostgresLibpq
import Primitives
import RedisNIO
import Social
import Storage
import Testbed

/// What a page of a feed costs, beside the plain query on the same data and indexes in the same run, and how long a
/// post takes to its followers. Starts a PostgreSQL and a Redis of its own.
@main
struct FeedBench: AsyncParsableCommand {
    @Option(help: "Users, each of whom may be followed.") var users = 100_000
    @Option(help: "Posts, by users that are drawn evenly.") var posts = 1_000_000
    @Option(help: "Whom each reader follows.") var followees = 200
    @Option(help: "Readers, who take turns.") var readers = 50
    @Option(help: "Pages of each kind.") var pages = 2_000
    @Option(help: "Posts of a page.") var limit = 20
    @Option(help: "Followers of the author whose posts are pushed.") var followers = 10_000
    @Option(help: "Posts that are pushed.") var pushes = 10

    func run() async throws {
        let testbed = Testbed(try Folders())
        do {
            let server = try await testbed.startPostgres(settings: ["shared_buffers": "512MB", "fsync": "off"])
            let node = try await testbed.startRedis()
            let logger = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
            var configuration = try PostgresConfiguration(url: server.url)
            configuration.connections = 2
            configuration.statementTimeout = .seconds(300)
            let pool = PostgresPool(configuration: configuration, logger: logger)
            pool.start()
            let redis = RedisClient(endpoint: try RedisEndpoint(parsing: node.url), logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await redis.run() }
                // Without Redis every page would come from PostgreSQL, and be measured all the same.
                let deadline = ContinuousClock.now + .seconds(10)
                while !redis.isConnected {
                    guard ContinuousClock.now < deadline else { throw NotConnected() }
                    try await Task.sleep(for: .milliseconds(20))
                }
                try await measure(pool, redis, logger)
                group.cancelAll()
            }
            await pool.stop()
        } catch {
            await testbed.end()
            throw error
        }
        await testbed.end()
    }

    private func measure(_ pool: PostgresPool, _ redis: RedisClient, _ logger: Logger) async throws {
        print("users \(users), posts \(posts), followees \(followees), readers \(readers), pages \(pages) of \(limit)")
        print("followers \(followers), pushes \(pushes)")
        try await Migrator().migrate(pool)
        try await fill(pool)
        let reader = FeedReader(pool: pool, redis: redis, logger: logger)
        let names = (0..<readers).map { "reader\($0)" }
        let first = try await time(names.count) { _ = try await reader.page(of: names[$0], before: nil, limit: limit) }
        show("first page, built", first)
        // Both kinds warm, then in turn, so that whatever the machine does meets both.
        var (cached, plain, deep) = ([Double](), [Double](), [Double]())
        for round in 0..<pages {
            let name = names[round % names.count]
            let start = ContinuousClock.now
            let page = try await reader.page(of: name, before: nil, limit: limit)
            let middle = ContinuousClock.now
            let ids = try await plainPage(name, pool)
            let end = ContinuousClock.now
            guard page.items.map(\.post.id) == Array(ids.prefix(limit)) else { throw Different(reader: name) }
            if round < names.count { continue }
            cached.append(Self.milliseconds(middle - start))
            plain.append(Self.milliseconds(end - middle))
            guard round % 10 == 0 else { continue }
            let below = ContinuousClock.now
            _ = try await reader.page(of: name, before: Int64(posts / 4), limit: limit)
            deep.append(Self.milliseconds(.now - below))
        }
        show("page, newest", cached)
        show("the same by the plain IN query", plain)
        show("page below what Redis keeps", deep)
        let ratios = [0.5, 0.99].map { String((Self.at($0, plain) / Self.at($0, cached) * 10).rounded() / 10) }
        print("plain / feed: p50 \(ratios[0]), p99 \(ratios[1])")
        try await push(pool, redis, reader, logger)
    }

    /// Each follower has asked for the feed, so that all are pushed to.
    private func push(
        _ pool: PostgresPool, _ redis: RedisClient, _ reader: FeedReader, _ logger: Logger
    ) async throws {
        for number in 0..<followers { _ = try await reader.page(of: "fan\(number)", before: nil, limit: 1) }
        let store = PostStore(pool: pool)
        let fanout = FeedFanout(pool: pool, redis: redis)
        let relay = OutboxRelay(pool: pool, topic: .feed, logger: logger, handler: fanout.handle)
        let took = try await time(pushes) { number in
            _ = try await store.create(NewPost(id: "new\(number)", author: "author", content: "new"))
            while try await relay.relay() > 0 {}
        }
        let last = try await reader.page(of: "fan\(followers - 1)", before: nil, limit: pushes).items.map(\.post.id)
        guard last == (0..<pushes).reversed().map({ "new\($0)" }) else { throw Different(reader: "fan") }
        show("from a post to \(followers) feeds", took)
    }

    private struct Different: Error {
        var reader: String
    }

    private struct NotConnected: Error {}

    private func time(_ count: Int, _ work: (Int) async throws -> Void) async throws -> [Double] {
        var all: [Double] = []
        for number in 0..<count {
            let start = ContinuousClock.now
            try await work(number)
            all.append(Self.milliseconds(.now - start))
        }
        return all
    }

    private static func milliseconds(_ duration: Duration) -> Double { Double(duration.nanoseconds) / 1e6 }

    private static func at(_ share: Double, _ samples: [Double]) -> Double {
        let sorted = samples.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
    }

    private func show(_ what: String, _ samples: [Double]) {
        let numbers = [0.5, 0.99, 1].map { String((Self.at($0, samples) * 100).rounded() / 100) }
        print("\(what): \(samples.count) times, p50 \(numbers[0]) ms, p99 \(numbers[1]) ms, max \(numbers[2]) ms")
    }

    // MARK: Data

    private func fill(_ pool: PostgresPool) async throws {
        let start = ContinuousClock.now
        let steps: [(PostgresStatement, [PostgresValue])] = [
            (usersStatement, [.bigint(Int64(users)), .bigint(Int64(readers)), .bigint(Int64(followers))]),
            (postsStatement, [.bigint(Int64(posts)), .bigint(Int64(users))]),
            (followsStatement, [.bigint(Int64(readers)), .bigint(Int64(followees)), .bigint(Int64(users))]),
            (fansStatement, [.bigint(Int64(followers))]),
        ]
        try await pool.session { connection in
            for (statement, values) in steps { try connection.execute(statement, values) }
            for table: StaticString in ["VACUUM ANALYZE users", "VACUUM ANALYZE posts", "VACUUM ANALYZE follows"] {
                try connection.run(script: table)
            }
        }
        print("filled in \(ContinuousClock.now - start)")
    }

    private func plainPage(_ reader: String, _ pool: PostgresPool) async throws -> [String] {
        let values: [PostgresValue] = [.text(reader), .bigint(Int64(limit) + 1)]
        return try await pool.session { connection in
            try connection.query(plainStatement, values) {
                row throws(PostgresError) in try row.text(0)
            }
        }
    }
}

private let usersStatement: PostgresStatement = """
    INSERT INTO users (user_id, email, password)
    SELECT name, 'a@b', '' FROM (
        SELECT 'user' || n FROM generate_series(1, $1) AS n
        UNION ALL SELECT 'reader' || n FROM generate_series(0, $2 - 1) AS n
        UNION ALL SELECT 'fan' || n FROM generate_series(0, $3 - 1) AS n
        UNION ALL SELECT 'author') AS person (name)
    """

// Drawn by a hash: the same in every run.
private let postsStatement: PostgresStatement = """
    INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
    SELECT 'p' || n, 'user' || 1 + abs(hashint8(n) % $2), 'Post number ' || n, 'public', true, 0
    FROM generate_series(1, $1) AS n
    """

private let followsStatement: PostgresStatement = """
    INSERT INTO follows (follower_id, followee_id)
    SELECT 'reader' || r, 'user' || 1 + abs(hashint8(r * 1000003 + f) % $3)
    FROM generate_series(0, $1 - 1) AS r, generate_series(1, $2) AS f
    ON CONFLICT DO NOTHING
    """

private let fansStatement: PostgresStatement = """
    INSERT INTO follows (follower_id, followee_id)
    SELECT 'fan' || n, 'author' FROM generate_series(0, $1 - 1) AS n
    """

private let plainStatement: PostgresStatement = """
    SELECT p.post_id, p.sequence, p.author_id, p.display_name, p.content, p.visibility, p.comments_open, p.revision,
        p.created_at, p.edited_at, p.media
    FROM posts_shown AS p
    WHERE p.author_id IN (SELECT followee_id FROM follows WHERE follower_id = $1)
        AND may_see($1, p.author_id, p.visibility)
    ORDER BY p.sequence DESC LIMIT $2
    """
