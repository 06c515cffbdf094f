internal import ArgumentParser
import PostgresLibpq
import Social
import Storage

/// What searches cost: words that few posts have, that very many have, and the beginnings of users' names.
struct SearchBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Searches for words in posts, and for the beginnings of users' names.")

    @Option(help: "Users, whose names begin with three of 40 syllables.") var users = 1_000_000
    @Option(help: "Posts of twelve words out of 20,000, some very common and most rare, and of the two words below.")
    var posts = 1_000_000
    @Option(help: "Posts that have the same rare word.") var postsPerRareWord = 20
    @Option(help: "Part of the posts that have the common word.") var commonShare = 0.4
    @Option(help: "Searches of each kind but for the common word, of which there are a tenth.") var searches = 2_000
    @Option(help: "Hits of a page.") var limit = 20
    @OptionGroup var output: Output

    func run() async throws {
        try await Servers.with { try await measure($0) }
    }

    private func measure(_ servers: Servers) async throws {
        try await fill(servers)
        let store = SearchStore(pool: servers.pool)
        var found = Measurements()
        /// A page of posts, in which something must be.
        func posts(_ query: (Int) -> String, _ count: Int) async throws -> [Double] {
            // The first tenth warms what is read; it does not count.
            let samples = try await Measurements.time(count + count / 10) { number in
                let search = Search(query: query(number), kind: .post)
                let page = try await store.posts(search, for: "reader", at: nil, limit: limit)
                guard page?.hits.isEmpty == false else { throw Different(what: search.query) }
            }
            return Array(samples.dropFirst(count / 10))
        }
        let words = max(1, self.posts / postsPerRareWord)
        found.add("rare word", try await posts({ "rare\($0 * 7_919 % words)" }, searches))
        found.add("common word", try await posts({ _ in "sunset" }, searches / 10))
        found.add("rare and common word", try await posts({ "sunset or rare\($0 * 7_919 % words)" }, searches / 10))
        let names = try await names(searches, servers.pool)
        /// Users whose names begin so, or are like that: somebody must be.
        func people(_ text: (String, Int) -> String) async throws -> [Double] {
            try await Measurements.time(names.count) { number in
                let text = text(names[number], number)
                let users = try await store.users(named: text, for: "reader", limit: limit)
                guard !users.isEmpty else { throw Different(what: text) }
            }
        }
        _ = try await people { name, number in String(name.prefix(1 + number % 6)) }
        found.add(
            "prefix of 1 to 6 characters", try await people { name, number in String(name.prefix(1 + number % 6)) })
        found.add("whole name", try await people { name, _ in name })
        try found.show(
            output,
            sizes:
                "users \(users), posts \(self.posts), words \(words) of \(postsPerRareWord) posts, pages of \(limit)")
    }

    /// Drawn evenly, and the same in every run.
    private func names(_ count: Int, _ pool: PostgresPool) async throws -> [String] {
        let values: [PostgresValue] = [.bigint(Int64(users)), .bigint(Int64(count))]
        return try await pool.session { connection in
            try connection.query(drawnStatement, values) { row throws(PostgresError) in try row.text(0) }
        }
    }

    private func fill(_ servers: Servers) async throws {
        let common = Int64((commonShare * 1_000).rounded())
        try await servers.fill(
            [
                (namesStatement, [.bigint(Int64(users))]),
                (
                    textsStatement,
                    [
                        .bigint(Int64(posts)), .bigint(Int64(users)), .bigint(Int64(max(1, posts / postsPerRareWord))),
                        .bigint(common),
                    ]
                ),
            ], then: ["VACUUM ANALYZE users", "VACUUM ANALYZE posts"])
    }
}

// Three syllables and a number; the display name is the syllables as two words.
private let namesStatement: PostgresStatement = """
    WITH syllables AS (
        SELECT string_to_array(
            'ba be bo bu da de do du fa fi ga go ka ki ko ku la le li lo ma mi mo mu na ne ni no pa pe ra ri ro ru sa se si ta te to',
            ' ') AS all
    )
    INSERT INTO users (user_id, email, password, display_name)
    SELECT a || b || c || n, 'a@b', '', initcap(a || b) || ' ' || initcap(c || a)
    FROM syllables CROSS JOIN generate_series(1, $1) AS n CROSS JOIN LATERAL (SELECT
        syllables.all[1 + abs(hashint8(n) % 40)] AS a, syllables.all[1 + abs(hashint8(n * 31) % 40)] AS b,
        syllables.all[1 + abs(hashint8(n * 1009) % 40)] AS c) AS parts
    UNION ALL SELECT 'reader', 'a@b', '', 'Reader'
    """

// A word's number is drawn so that the first is in most posts and the last in few, as in texts (Zipf, exponent 1).
private let textsStatement: PostgresStatement = """
    INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
    SELECT 'p' || n, author.user_id,
        (SELECT string_agg('word' || floor(20000 ^ ((hashint8(n * 64 + w)::bigint + 2147483648) / 4294967296.0))::int, ' ')
            FROM generate_series(1, 12) AS w)
            || ' rare' || n % $3 || CASE WHEN abs(hashint8(n * 17) % 1000) < $4 THEN ' sunset' ELSE '' END,
        CASE WHEN abs(hashint8(n * 13) % 10) = 0 THEN 'followers' ELSE 'public' END, true, 0
    FROM generate_series(1, $1) AS n
    JOIN (SELECT user_id, row_number() OVER () AS number FROM users WHERE user_id <> 'reader' LIMIT 100000) AS author
        ON author.number = 1 + abs(hashint8(n) % least($2, 100000))
    """

private let drawnStatement: PostgresStatement = """
    SELECT user_id FROM (
        SELECT user_id, row_number() OVER (ORDER BY user_id) AS number FROM users WHERE user_id <> 'reader') AS all_users
    WHERE number % greatest($1 / $2, 1) = 0 ORDER BY hashtext(user_id) LIMIT $2
    """
