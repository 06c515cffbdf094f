internal import ArgumentParser
import PostgresLibpq
import Social
import Storage

/// What a page of a feed costs, beside the plain query on the same data and indexes in the same run, and how long a
/// post takes to its followers.
struct FeedBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feed", abstract: "Pages of feeds beside the plain IN query, and a post's way to its followers.")

    @Option(help: "Users, each of whom may be followed.") var users = 100_000
    @Option(help: "Posts, by users that are drawn evenly.") var posts = 1_000_000
    @Option(help: "Whom each reader follows.") var followees = 200
    @Option(help: "Readers, who take turns.") var readers = 50
    @Option(help: "Pages of each kind.") var pages = 2_000
    @Option(help: "Posts of a page.") var limit = 20
    @Option(help: "Followers of the author whose posts are pushed.") var followers = 10_000
    @Option(help: "Posts that are pushed.") var pushes = 10

    @OptionGroup var output: Output

    func run() async throws {
        try await Servers.with { try await measure($0) }
    }

    private func measure(_ servers: Servers) async throws {
        let pool = servers.pool
        try await fill(servers)
        let reader = FeedReader(pool: pool, redis: servers.redis, logger: servers.logger)
        let names = (0..<readers).map { "reader\($0)" }
        var found = Measurements()
        found.add(
            "first page",
            try await Measurements.time(names.count) {
                _ = try await reader.page(of: names[$0], before: nil, limit: limit)
            })
        // Both kinds warm, then in turn, so that whatever the machine does meets both.
        var (cached, plain, deep) = ([Double](), [Double](), [Double]())
        for round in 0..<pages {
            let name = names[round % names.count]
            let start = ContinuousClock.now
            let page = try await reader.page(of: name, before: nil, limit: limit)
            let middle = ContinuousClock.now
            let ids = try await plainPage(name, pool)
            let end = ContinuousClock.now
            guard page.items.map(\.post.id) == Array(ids.prefix(limit)) else { throw Different(what: name) }
            if round < names.count { continue }
            cached.append(Measurements.milliseconds(middle - start))
            plain.append(Measurements.milliseconds(end - middle))
            guard round % 10 == 0 else { continue }
            let below = ContinuousClock.now
            _ = try await reader.page(of: name, before: Int64(posts / 4), limit: limit)
            deep.append(Measurements.milliseconds(.now - below))
        }
        found.add("page", cached)
        found.add("plain query", plain)
        found.add("page below", deep)
        found.add("fan-out", try await push(servers, reader))
        try found.show(
            output,
            sizes: "users \(users), posts \(posts), followees \(followees), readers \(readers), pages of \(limit),"
                + " followers \(followers)")
    }

    /// Each follower has asked for the feed, so that all are pushed to.
    private func push(_ servers: Servers, _ reader: FeedReader) async throws -> [Double] {
        for number in 0..<followers { _ = try await reader.page(of: "fan\(number)", before: nil, limit: 1) }
        let store = PostStore(pool: servers.pool)
        let fanout = FeedFanout(pool: servers.pool, redis: servers.redis)
        let relay = OutboxRelay(pool: servers.pool, topic: .feed, logger: servers.logger, handler: fanout.handle)
        let took = try await Measurements.time(pushes) { number in
            _ = try await store.create(NewPost(id: "new\(number)", author: "author", content: "new"))
            while try await relay.relay() > 0 {}
        }
        let last = try await reader.page(of: "fan\(followers - 1)", before: nil, limit: pushes).items.map(\.post.id)
        guard last == (0..<pushes).reversed().map({ "new\($0)" }) else { throw Different(what: "fan") }
        return took
    }

    // MARK: Data

    private func fill(_ servers: Servers) async throws {
        try await servers.fill(
            [
                (usersStatement, [.bigint(Int64(users)), .bigint(Int64(readers)), .bigint(Int64(followers))]),
                (postsStatement, [.bigint(Int64(posts)), .bigint(Int64(users))]),
                (followsStatement, [.bigint(Int64(readers)), .bigint(Int64(followees)), .bigint(Int64(users))]),
                (fansStatement, [.bigint(Int64(followers))]),
            ], then: ["VACUUM ANALYZE users", "VACUUM ANALYZE posts", "VACUUM ANALYZE follows"])
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
