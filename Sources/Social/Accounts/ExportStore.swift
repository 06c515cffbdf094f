public import PostgresLibpq
public import Storage

/// Everything that is stored of one user, as lines of JSON: kind by kind, each in pages.
public struct ExportStore: Sendable {
    /// Lines of one page.
    public static let pageMax = 500

    private let pool: PostgresPool

    /// The pool is started and stopped by the caller; the schema is there (``Storage/Migrator``).
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    /// The profile's line; `nil` when there is no such user.
    public func profile(_ user: String) async throws(StorageError) -> String? {
        try await pool.session { connection in
            try connection.query(profileStatement, [.text(user)]) { row throws(PostgresError) in try row.text(0) }.first
        }
    }

    /// Hands the lines of everything else over, page by page.
    public func forEachPage(_ user: String, _ body: ([String]) async throws -> Void) async throws {
        for (number, statement) in sections.enumerated() {
            // Likes are looked for photo by photo: no index has them by user.
            let slot: [PostgresValue] = number == likes ? [.integer(Int32(UserSlot.slot(of: user)))] : []
            var after = ""
            while true {
                let cursor = after
                let rows = try await pool.session { connection in
                    try connection.query(
                        statement,
                        [.text(user), .text(cursor), .bigint(Int64(Self.pageMax))] + slot
                    ) { row throws(PostgresError) in (cursor: try row.text(0), line: try row.optionalText(1)) }
                }
                guard let last = rows.last else { break }
                after = last.cursor
                let lines = rows.compactMap(\.line)
                if !lines.isEmpty { try await body(lines) }
            }
        }
    }
}

/// The place of the likes among ``sections``; $4 is there the user's slot.
private let likes = 3

private let profileStatement: PostgresStatement = """
    SELECT json_build_object('type', 'profile', 'username', user_id, 'email', email, 'display_name', display_name,
        'bio', bio, 'role', role, 'created_at', created_at, 'suspended_until', suspended_until)::text
    FROM users WHERE user_id = $1 AND erased_at IS NULL
    """

/// Each: a page of one kind of a user ($1) behind a cursor ($2), so many rows ($3): the cursor behind each row, and its
/// line. A row without a line only says how far the look went.
private let sections: [PostgresStatement] = [
    """
    SELECT sequence::text, json_build_object('type', 'post', 'id', post_id, 'content', content, 'visibility', visibility,
        'comments_open', comments_open, 'revision', revision, 'created_at', created_at, 'edited_at', edited_at,
        'media', (SELECT json_agg(media_id ORDER BY position) FROM post_media WHERE post_media.post_id = row.post_id)
        )::text
    FROM posts AS row
    WHERE author_id = $1 AND sequence > coalesce(nullif($2, ''), '0')::bigint AND deleted_at IS NULL
    ORDER BY row.sequence LIMIT $3
    """,
    """
    SELECT media_id, json_build_object('type', 'media', 'id', media_id, 'width', width, 'height', height,
        'files', json_build_array('/media/' || name || '-1280.webp', '/media/' || name || '-400.webp'))::text
    FROM media WHERE owner_id = $1 AND media_id > $2 ORDER BY media_id LIMIT $3
    """,
    """
    SELECT sequence::text, json_build_object('type', 'comment', 'id', id, 'channel', channel, 'comment', comment,
        'created_at', created_at, 'removed_at', removed_at)::text
    FROM comments AS row
    WHERE user_id = $1 AND sequence > coalesce(nullif($2, ''), '0')::bigint
    ORDER BY row.sequence LIMIT $3
    """,
    """
    WITH page AS (
        SELECT photo_id FROM photos WHERE photo_id > $2 ORDER BY photo_id LIMIT 10 * $3
    )
    SELECT page.photo_id, CASE WHEN liked THEN json_build_object(
        'type', 'like', 'post_id', page.photo_id, 'liked_at', liked_at)::text END
    FROM page LEFT JOIN likes ON likes.photo_id = page.photo_id AND slot = $4::integer::smallint AND user_id = $1
    WHERE user_id IS NOT NULL OR page.photo_id = (SELECT max(photo_id) FROM page)
    ORDER BY page.photo_id
    """,
    """
    SELECT followee_id, json_build_object('type', 'follows', 'user_id', followee_id, 'created_at', created_at)::text
    FROM follows WHERE follower_id = $1 AND followee_id > $2 ORDER BY followee_id LIMIT $3
    """,
    """
    SELECT follower_id, json_build_object('type', 'follower', 'user_id', follower_id, 'created_at', created_at)::text
    FROM follows WHERE followee_id = $1 AND follower_id > $2 ORDER BY follower_id LIMIT $3
    """,
    """
    SELECT blocked_id, json_build_object('type', 'block', 'user_id', blocked_id, 'created_at', created_at)::text
    FROM blocks WHERE blocker_id = $1 AND blocked_id > $2 ORDER BY blocked_id LIMIT $3
    """,
    """
    SELECT id::text, json_build_object('type', 'notification', 'id', id, 'kind', kind, 'about', photo_id, 'likers', likers,
        'newest_user_id', newest_user_id, 'newest_at', newest_at, 'read_at', read_at)::text
    FROM notifications AS row
    WHERE owner_id = $1 AND id > coalesce(nullif($2, ''), '0')::bigint
    ORDER BY row.id LIMIT $3
    """,
    """
    SELECT report_id::text, json_build_object('type', 'report', 'subject_type', kind, 'subject_id', subject_id,
        'reason', reason, 'created_at', created_at)::text
    FROM reports AS row WHERE reporter = $1 AND report_id > coalesce(nullif($2, ''), '0')::bigint
    ORDER BY row.report_id LIMIT $3
    """,
    """
    SELECT session_id, json_build_object('type', 'session', 'created_at', created_at, 'expires_at', expires_at,
        'ended_at', ended_at)::text
    FROM sessions WHERE user_id = $1 AND session_id > $2 ORDER BY session_id LIMIT $3
    """,
]
