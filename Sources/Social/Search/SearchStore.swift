public import PostgresLibpq
public import Storage

/// Full text and names in PostgreSQL. Nothing is found that the viewer (`nil`: without a name) may not see: `seen_by`.
public struct SearchStore: Sendable {
    /// A search that takes longer fails with `timeout`.
    public static let timeout: Duration = .seconds(3)
    /// With so many names that begin so, nobody is asked for similar ones.
    private static let namesMin = 5

    private let pool: PostgresPool

    /// The pool is started and stopped by the caller; the schema is there (``Storage/Migrator``).
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    /// `nil` when no word of the query can be looked for.
    public func posts(
        _ search: Search, for viewer: String?, at cursor: Search.Cursor?, limit: Int
    ) async throws(StorageError) -> SearchPage<Post>? {
        try await page(search, postsStatement, viewer, cursor, limit, Post.init, foundPostsStatement)
    }

    /// Comments on posts; `nil` when no word of the query can be looked for.
    public func comments(
        _ search: Search, for viewer: String?, at cursor: Search.Cursor?, limit: Int
    ) async throws(StorageError) -> SearchPage<FoundComment>? {
        try await page(
            search, commentsStatement, viewer, cursor, limit,
            { row throws(PostgresError) in
                FoundComment(
                    id: try row.text(0), author: try row.text(1), post: try row.text(2), text: try row.text(3),
                    createdAt: try row.timestamp(4))
            }, foundCommentsStatement)
    }

    /// Users by their names and what they say of themselves; `nil` when no word of the query can be looked for.
    public func users(
        _ search: Search, for viewer: String?, at cursor: Search.Cursor?, limit: Int
    ) async throws(StorageError) -> SearchPage<Account>? {
        try await page(search, usersStatement, viewer, cursor, limit, Account.init, foundUsersStatement)
    }

    /// Two questions: which match, ranked here, and what the page shows of them.
    private func page<Hit: Sendable>(
        _ search: Search, _ matching: PostgresStatement, _ viewer: String?, _ cursor: Search.Cursor?, _ limit: Int,
        _ read: @escaping @Sendable (PostgresRow) throws(PostgresError) -> Hit, _ reading: PostgresStatement
    ) async throws(StorageError) -> SearchPage<Hit>? {
        let values: [PostgresValue] = [
            .text(search.query), .optionalText(viewer), .text(search.author ?? ""), .timestamp(search.from ?? 0),
            .timestamp(search.to ?? farFuture), .boolean(search.hasPhoto),
            .bigint(cursor?.newest ?? .max), .bigint(Int64(Search.matchesMax) + 1),
        ]
        return try await pool.session { connection in
            try connection.transaction(timeout: Self.timeout) { connection in
                // How many match decides between the index of words and that of the order: each query has a plan of
                // its own, which is too short for JIT compilation to pay.
                let words = try connection.query(
                    """
                    SELECT numnode(websearch_to_tsquery('simple', $1)),
                        set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)
                    """, [.text(search.query)]
                ) { row throws(PostgresError) in try row.integer(0) }.first
                guard let words, words > 0 else { return nil }
                let matches = try connection.query(matching, values) { row throws(PostgresError) in
                    SearchMatch(
                        id: try row.text(0), sequence: try row.bigint(1), author: try row.text(2),
                        hasPhoto: try row.boolean(3), rank: try row.bigint(4))
                }
                let page = SearchPage(matches, of: search, at: cursor, limit: limit)
                if page.hits.isEmpty { return page.map([]) }
                return page.map(try connection.query(reading, [.texts(page.hits)], row: read))
            }
        }
    }

    /// Users whose name or display name begins so, those by name first. When these are fewer than five, and there are three
    /// characters, also the most similar of 1,000 that are alike.
    ///
    /// - Parameters:
    ///   - text: 1 to 50 characters.
    ///   - limit: 1 to 50.
    public func users(named text: String, for viewer: String?, limit: Int) async throws(StorageError) -> [Account] {
        let small = text.lowercased()
        let pattern = small.map { "\\%_".contains($0) ? "\\\($0)" : "\($0)" }.joined() + "%"
        let values: [PostgresValue] = [.text(pattern), .optionalText(viewer), .bigint(Int64(limit))]
        return try await pool.session { connection in
            try connection.transaction(timeout: Self.timeout) { connection in
                try connection.query(
                    """
                    SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
                        set_config('pg_trgm.word_similarity_threshold', '0.5', true),
                        set_config('enable_seqscan', 'off', true)
                    """)
                var found: [String] = []
                func add(_ statement: PostgresStatement, _ values: [PostgresValue]) throws(PostgresError) {
                    guard found.count < limit else { return }
                    let ids = try connection.query(statement, values) { row throws(PostgresError) in try row.text(0) }
                    for id in ids where !found.contains(id) { found.append(id) }
                }
                try add(namesStatement, values)
                try add(displayNamesStatement, values)
                if small.unicodeScalars.count >= 3, found.count < Self.namesMin {
                    try add(similarStatement, [.text(small), .optionalText(viewer), .bigint(Int64(limit))])
                }
                return try connection.query(
                    foundUsersStatement, [.texts(Array(found.prefix(limit)))], row: Account.init)
            }
        }
    }
}

extension Account {
    fileprivate init(_ row: PostgresRow) throws(PostgresError) {
        self.init(
            id: try row.text(0), displayName: try row.text(1), bio: try row.text(2), role: try row.text(3),
            createdAt: try row.timestamp(4), email: "", isSuspended: false)
    }
}

/// The end of the year 9999.
private let farFuture: Int64 = 253_402_300_800_000_000

// Each: what matches the query ($1) and the viewer ($2) may see, by an author ($3, '' for all), from ($4) to ($5), with a
// picture ($6), not newer than $7: the newest $8, ranked after they are few.

private let postsStatement: PostgresStatement = """
    WITH matching AS MATERIALIZED (
        SELECT post_id, sequence, author_id, media_count > 0 AS has_photo, content FROM posts
        WHERE deleted_at IS NULL AND to_tsvector('simple', content) @@ websearch_to_tsquery('simple', $1)
            AND ($3 = '' OR author_id = $3) AND created_at >= $4 AND created_at < $5
            AND (NOT $6 OR media_count > 0) AND sequence <= $7 AND (SELECT * FROM seen_by($2, author_id, visibility))
        ORDER BY sequence DESC LIMIT $8
    )
    SELECT post_id, sequence, author_id, has_photo,
        (ts_rank(to_tsvector('simple', content), websearch_to_tsquery('simple', $1)) * 1000000)::bigint
    FROM matching ORDER BY sequence DESC
    """

private let commentsStatement: PostgresStatement = """
    WITH matching AS MATERIALIZED (
        SELECT c.id, c.sequence, c.user_id, c.comment FROM comments AS c JOIN posts AS p ON p.post_id = c.video_id
        WHERE c.channel LIKE 'post:%' AND c.removed_at IS NULL AND p.deleted_at IS NULL
            AND to_tsvector('simple', c.comment) @@ websearch_to_tsquery('simple', $1)
            AND ($3 = '' OR c.user_id = $3) AND c.created_at >= $4 AND c.created_at < $5 AND NOT $6
            AND c.sequence <= $7 AND (SELECT * FROM seen_by($2, p.author_id, p.visibility))
            AND (SELECT * FROM seen_by($2, c.user_id, 'public'))
        ORDER BY c.sequence DESC LIMIT $8
    )
    SELECT id, sequence, user_id, false,
        (ts_rank(to_tsvector('simple', comment), websearch_to_tsquery('simple', $1)) * 1000000)::bigint
    FROM matching ORDER BY sequence DESC
    """

private let usersStatement: PostgresStatement = """
    WITH matching AS MATERIALIZED (
        SELECT user_id, (extract(epoch FROM created_at) * 1000000)::bigint AS sequence,
            user_id || ' ' || display_name || ' ' || bio AS about
        FROM users
        WHERE to_tsvector('simple', user_id || ' ' || display_name || ' ' || bio)
                @@ websearch_to_tsquery('simple', $1)
            AND ($3 = '' OR user_id = $3) AND created_at >= $4 AND created_at < $5 AND NOT $6
            AND (extract(epoch FROM created_at) * 1000000)::bigint <= $7
            AND (SELECT * FROM seen_by($2, user_id, 'public'))
        ORDER BY created_at DESC LIMIT $8
    )
    SELECT user_id, sequence, user_id, false,
        (ts_rank(to_tsvector('simple', about), websearch_to_tsquery('simple', $1)) * 1000000)::bigint
    FROM matching ORDER BY sequence DESC
    """

private let foundPostsStatement: PostgresStatement = """
    SELECT post_id, sequence, author_id, display_name, content, visibility, comments_open, revision, created_at,
        edited_at, media
    FROM unnest($1::text[]) WITH ORDINALITY AS found (post_id, place) JOIN posts_shown USING (post_id) ORDER BY place
    """

private let foundCommentsStatement: PostgresStatement = """
    SELECT c.id, c.user_id, c.video_id, c.comment, c.created_at
    FROM unnest($1::text[]) WITH ORDINALITY AS found (id, place) JOIN comments AS c USING (id)
    WHERE c.removed_at IS NULL ORDER BY place
    """

private let foundUsersStatement: PostgresStatement = """
    SELECT u.user_id, u.display_name, u.bio, u.role, u.created_at
    FROM unnest($1::text[]) WITH ORDINALITY AS found (user_id, place) JOIN users AS u USING (user_id)
    WHERE u.erased_at IS NULL ORDER BY place
    """

private let namesStatement: PostgresStatement = """
    SELECT user_id FROM users WHERE user_id LIKE $1 AND (SELECT * FROM seen_by($2, user_id, 'public'))
    ORDER BY user_id USING ~<~ LIMIT $3
    """

private let displayNamesStatement: PostgresStatement = """
    SELECT user_id FROM users WHERE lower(display_name) LIKE $1 AND (SELECT * FROM seen_by($2, user_id, 'public'))
    ORDER BY lower(display_name) USING ~<~, user_id LIMIT $3
    """

private let similarStatement: PostgresStatement = """
    SELECT user_id FROM (
        SELECT user_id, user_id || ' ' || lower(display_name) AS names FROM users
        WHERE $1 <% (user_id || ' ' || lower(display_name)) AND (SELECT * FROM seen_by($2, user_id, 'public'))
        LIMIT 1000) AS alike
    ORDER BY word_similarity($1, names) DESC, user_id LIMIT $3
    """
