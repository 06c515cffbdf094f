import PostgresLibpq
import Storage

/// ``FeedDatabase`` in PostgreSQL.
struct PostgresFeedDatabase: FeedDatabase {
    let pool: PostgresPool

    func standing(of viewer: String, before: Int64, limit: Int) async throws(StorageError) -> FeedStanding {
        try await pool.session { connection in
            var standing = FeedStanding()
            let state = try connection.query(stateStatement, [.text(viewer)]) { row throws(PostgresError) in
                (version: try row.bigint(0), isSeen: try row.boolean(1))
            }.first
            if let state { (standing.version, standing.isSeen) = state }
            let waiting = try connection.query(
                waitingStatement, [.text(viewer), .bigint(before), .bigint(Int64(Feed.waitingMax) + 1)],
                row: Self.optionalEntry)
            standing.isBehind = waiting.count > Feed.waitingMax
            standing.waiting = waiting.compactMap { $0 }
            standing.pulled = try connection.query(
                pulledStatement, [.text(viewer), .bigint(before), .bigint(Int64(limit))], row: Self.entry)
            return standing
        }
    }

    func markSeen(_ viewer: String) async throws(StorageError) {
        try await pool.session { connection in
            _ = try connection.execute("UPDATE users SET seen_at = now() WHERE user_id = $1", [.text(viewer)])
        }
    }

    func entries(
        of viewer: String, before: Int64, limit: Int
    ) async throws(StorageError) -> (version: Int64, entries: [FeedEntry]) {
        try await pool.session { connection in
            // One statement, so that the number and the posts are of one moment.
            let rows = try connection.query(
                entriesStatement, [.text(viewer), .bigint(before), .bigint(Int64(limit))]
            ) { row throws(PostgresError) in
                (version: try row.bigint(0), entry: try Self.optionalEntry(row, at: 1))
            }
            return (rows.first?.version ?? 0, rows.compactMap(\.entry))
        }
    }

    func items(_ posts: [String], for viewer: String) async throws(StorageError) -> [FeedItem] {
        guard !posts.isEmpty else { return [] }
        return try await pool.session { connection in
            try connection.query(
                itemsStatement, [.text(viewer), .texts(posts), .integer(Int32(UserSlot.slot(of: viewer)))]
            ) { row throws(PostgresError) in
                FeedItem(
                    post: try Post(row), likes: try row.bigint(11), isLiked: try row.boolean(12),
                    comments: try row.bigint(13))
            }
        }
    }

    func isLarge(_ author: String) async throws(StorageError) -> Bool {
        try await pool.session { connection in
            try !connection.query(largeStatement, [.text(author), .bigint(Int64(Feed.pushMax))]).isEmpty
        }
    }

    func followers(of author: String, after: String, limit: Int) async throws(StorageError) -> [String] {
        try await pool.session { connection in
            try connection.query(
                followersStatement,
                [.text(author), .text(after), .bigint(Int64(limit)), .bigint(Int64(Feed.seenDays))]
            ) { row throws(PostgresError) in try row.text(0) }
        }
    }

    private static func entry(_ row: PostgresRow) throws(PostgresError) -> FeedEntry {
        FeedEntry(sequence: try row.bigint(0), post: try row.text(1))
    }

    private static func optionalEntry(_ row: PostgresRow) throws(PostgresError) -> FeedEntry? {
        try optionalEntry(row, at: 0)
    }

    private static func optionalEntry(_ row: PostgresRow, at column: Int) throws(PostgresError) -> FeedEntry? {
        guard let sequence = try row.optionalBigint(column), let post = try row.optionalText(column + 1) else {
            return nil
        }
        return FeedEntry(sequence: sequence, post: post)
    }
}

private let stateStatement: PostgresStatement = """
    SELECT coalesce((SELECT version FROM feed_versions WHERE user_id = $1), 0),
        EXISTS (SELECT 1 FROM users WHERE user_id = $1 AND seen_at > now() - interval '1 hour')
    """

// A row for each post that waits, so that they are counted; it is empty for those of others.
private let waitingStatement: PostgresStatement = """
    SELECT p.sequence, p.post_id
    FROM (SELECT payload ->> 'post' AS post_id FROM outbox WHERE topic = 'feed' LIMIT $3) AS waiting
    LEFT JOIN posts AS p ON p.post_id = waiting.post_id AND p.sequence < $2
        AND (p.author_id = $1 OR EXISTS (SELECT 1 FROM follows WHERE follower_id = $1 AND followee_id = p.author_id))
    """

// Each author's newest by index: the rows that are read grow with the authors and the page, not with the posts.
private let pulledStatement: PostgresStatement = """
    SELECT p.sequence, p.post_id FROM large_authors AS a
    CROSS JOIN LATERAL (
        SELECT sequence, post_id FROM posts
        WHERE author_id = a.user_id AND deleted_at IS NULL AND sequence < $2 ORDER BY sequence DESC LIMIT $3) AS p
    WHERE a.user_id = $1 OR EXISTS (SELECT 1 FROM follows WHERE follower_id = $1 AND followee_id = a.user_id)
    ORDER BY p.sequence DESC LIMIT $3
    """

private let entriesStatement: PostgresStatement = """
    SELECT coalesce(held.version, 0), page.sequence, page.post_id
    FROM (SELECT 1) AS always LEFT JOIN feed_versions AS held ON held.user_id = $1
    LEFT JOIN LATERAL (
        SELECT p.sequence, p.post_id
        FROM (SELECT $1 AS user_id UNION ALL SELECT followee_id FROM follows WHERE follower_id = $1) AS a
        CROSS JOIN LATERAL (
            SELECT sequence, post_id FROM posts
            WHERE author_id = a.user_id AND deleted_at IS NULL AND sequence < $2 ORDER BY sequence DESC LIMIT $3) AS p
        ORDER BY p.sequence DESC LIMIT $3) AS page ON true
    ORDER BY page.sequence DESC
    """

// The counts are columns of rows with the post's own key: nothing is counted.
private let itemsStatement: PostgresStatement = """
    SELECT p.post_id, p.sequence, p.author_id, p.display_name, p.content, p.visibility, p.comments_open, p.revision,
        p.created_at, p.edited_at, p.media, coalesce(h.like_count, 0),
        EXISTS (
            SELECT 1 FROM likes AS l
            WHERE l.photo_id = p.post_id AND l.slot = $3::smallint AND l.user_id = $1 AND l.liked),
        coalesce(c.comments, 0)
    FROM posts_shown AS p
    LEFT JOIN photos AS h ON h.photo_id = p.post_id
    LEFT JOIN post_counts AS c ON c.post_id = p.post_id
    WHERE p.post_id = ANY($2::text[]) AND (SELECT * FROM seen_by($1, p.author_id, p.visibility))
        AND (p.author_id = $1 OR EXISTS (SELECT 1 FROM follows WHERE follower_id = $1 AND followee_id = p.author_id))
    ORDER BY p.sequence DESC
    """

// Who was large once stays it, so that no post is between pushing and pulling.
private let largeStatement: PostgresStatement = """
    WITH grown AS (
        INSERT INTO large_authors (user_id)
        SELECT user_id FROM users WHERE user_id = $1
            AND $2 < (SELECT count(*) FROM (SELECT 1 FROM follows WHERE followee_id = $1 LIMIT $2 + 1) AS followed)
        ON CONFLICT DO NOTHING RETURNING user_id
    )
    SELECT user_id FROM grown UNION ALL SELECT user_id FROM large_authors WHERE user_id = $1
    """

private let followersStatement: PostgresStatement = """
    SELECT f.follower_id FROM follows AS f JOIN users AS u ON u.user_id = f.follower_id
    WHERE f.followee_id = $1 AND f.follower_id > $2 AND u.seen_at > now() - $4 * interval '1 day'
    ORDER BY f.follower_id LIMIT $3
    """
