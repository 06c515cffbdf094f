public import PostgresLibpq
public import Storage

/// Accounts that are given up, in PostgreSQL: hidden at once, removed in chunks, and gone when nothing is left.
public struct ErasureStore: Sendable {
    /// Rows of one kind in one transaction.
    public static let chunk = 500
    /// In whose name a tombstone stands: no account can be called so.
    public static let nobody = "erased-user"

    /// Somebody whose erasure is under way.
    public struct Erased: Equatable, Sendable {
        public var user: String
        /// Since the user asked for it.
        public var age: Duration
    }

    private let pool: PostgresPool

    /// The pool is started and stopped by the caller; the schema is there (``Storage/Migrator``).
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    /// What Redis keeps of a user's feed.
    public static func redisKey(of user: String) -> String { RedisFeedCache.key(user) }

    /// Whether this log-in began within `seconds`.
    public func isFresh(session: String, of user: String, withinSeconds seconds: Int) async throws(StorageError) -> Bool
    {
        try await pool.session { connection in
            try !connection.query(
                """
                SELECT 1 FROM sessions WHERE session_id = $1 AND user_id = $2 AND ended_at IS NULL
                    AND created_at > now() - $3 * interval '1 second'
                """, [.text(session), .text(user), .bigint(Int64(seconds))]
            ).isEmpty
        }
    }

    /// Hides an account and ends its log-ins; `nil` when there is none.
    ///
    /// - Returns: the sessions that ended.
    public func begin(_ user: String) async throws(StorageError) -> [String]? {
        try await pool.session { connection in
            try connection.transaction { connection in
                let erased = try connection.execute(
                    """
                    UPDATE users SET erased_at = now(), email = 'erased', password = '', display_name = '', bio = ''
                    WHERE user_id = $1 AND erased_at IS NULL
                    """, [.text(user)])
                guard erased == 1 else { return nil }
                return try connection.query(
                    """
                    UPDATE sessions SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL RETURNING session_id
                    """, [.text(user)]
                ) { row throws(PostgresError) in try row.text(0) }
            }
        }
    }

    /// Those whose erasure is under way, at most 100, the oldest first.
    public func underWay() async throws(StorageError) -> [Erased] {
        try await pool.session { connection in
            try connection.query(
                """
                SELECT user_id, (extract(epoch FROM now() - erased_at) * 1000000)::bigint FROM users
                WHERE erased_at IS NOT NULL ORDER BY erased_at LIMIT 100
                """
            ) { row throws(PostgresError) in
                Erased(user: try row.text(0), age: .microseconds(try row.bigint(1)))
            }
        }
    }

    /// Removes at most ``chunk`` rows of each kind.
    ///
    /// A comment becomes a tombstone without text: CommentAPI tells its viewers and takes it out of Redis, and the tombstone
    /// is nobody's when it has.
    ///
    /// - Returns: how many rows changed.
    public func step(_ user: String) async throws(StorageError) -> Int {
        var changed = 0
        for statement in steps {
            changed += try await pool.session { connection in
                try connection.query(statement, [.text(user), .bigint(Int64(Self.chunk))]) {
                    row throws(PostgresError) in Int(try row.bigint(0))
                }.first ?? 0
            }
        }
        return changed
    }

    /// Removes the account itself when nothing else of the user is left, and its last access token has ended.
    ///
    /// - Parameter age: how long an access token is valid: the erasure has to be older.
    /// - Returns: whether it is gone.
    public func finish(_ user: String, after age: Duration) async throws(StorageError) -> Bool {
        try await pool.session { connection in
            try connection.execute(finishStatement, [.text(user), .bigint(age.components.seconds)]) == 1
        }
    }
}

/// Each removes some rows of a user ($1), at most $2, and answers how many.
private let steps: [PostgresStatement] = [
    """
    WITH gone AS (
        DELETE FROM posts WHERE post_id = ANY(ARRAY(SELECT post_id FROM posts WHERE author_id = $1 LIMIT $2))
        RETURNING post_id
    ), photo AS (
        UPDATE photos SET owner_id = NULL FROM gone WHERE photo_id = post_id
    )
    SELECT count(*) FROM gone
    """,
    """
    WITH gone AS (
        UPDATE comments AS c SET comment = '', removed_at = coalesce(c.removed_at, now()), removed_by = 'erasure',
            held_at = NULL
        FROM (
            SELECT id, removed_at IS NULL AS was_seen FROM comments
            WHERE user_id = $1 AND (removed_at IS NULL OR comment <> '') ORDER BY sequence LIMIT $2 FOR UPDATE) AS those
        WHERE c.id = those.id RETURNING c.id, c.video_id, c.channel, those.was_seen
    ), revised AS (
        DELETE FROM comment_revisions USING gone WHERE comment_id = gone.id
    ), counted AS (
        UPDATE post_counts SET comments = comments - some_gone.count
        FROM (
            SELECT video_id, count(*) AS count FROM gone WHERE was_seen AND channel LIKE 'post:%' GROUP BY video_id
        ) AS some_gone WHERE post_id = video_id
    )
    SELECT count(*) FROM gone
    """,
    """
    WITH gone AS (
        UPDATE comments SET user_id = 'erased-user' WHERE id = ANY(ARRAY(
            SELECT id FROM comments
            WHERE user_id = $1 AND comment = '' AND removed_at IS NOT NULL AND removal_offset IS NOT NULL LIMIT $2))
        RETURNING id
    )
    SELECT count(*) FROM gone
    """,
    """
    WITH gone AS (
        UPDATE comments SET removed_by = 'moderator' WHERE id = ANY(ARRAY(
            SELECT id FROM comments WHERE removed_by = $1 AND user_id <> $1 LIMIT $2))
        RETURNING id
    )
    SELECT count(*) FROM gone
    """,
    """
    WITH gone AS (
        DELETE FROM follows WHERE ctid = ANY(ARRAY(
            (SELECT ctid FROM follows WHERE follower_id = $1 LIMIT $2)
            UNION ALL (SELECT ctid FROM follows WHERE followee_id = $1 LIMIT $2)))
        RETURNING 1
    )
    SELECT count(*) FROM gone
    """,
    """
    WITH gone AS (
        DELETE FROM outbox WHERE id = ANY(ARRAY(
            SELECT id FROM outbox WHERE topic = 'feed' AND payload->>'author' = $1 LIMIT $2))
        RETURNING 1
    )
    SELECT count(*) FROM gone
    """,
    """
    WITH gone AS (
        DELETE FROM reports WHERE report_id = ANY(ARRAY(
            SELECT report_id FROM reports WHERE reporter = $1 OR (kind = 'user' AND subject_id = $1) LIMIT $2))
        RETURNING 1
    )
    SELECT count(*) FROM gone
    """,
    """
    WITH gone AS (
        UPDATE moderation_log SET moderator = CASE moderator WHEN $1 THEN 'moderator' ELSE moderator END,
            subject_id = CASE WHEN kind = 'user' AND subject_id = $1 THEN 'erased-user' ELSE subject_id END
        WHERE entry_id = ANY(ARRAY(
            SELECT entry_id FROM moderation_log WHERE moderator = $1 OR (kind = 'user' AND subject_id = $1) LIMIT $2))
        RETURNING 1
    )
    SELECT count(*) FROM gone
    """,
    """
    WITH gone AS (
        DELETE FROM blocks WHERE ctid = ANY(ARRAY(
            (SELECT ctid FROM blocks WHERE blocker_id = $1 LIMIT $2)
            UNION ALL (SELECT ctid FROM blocks WHERE blocked_id = $1 LIMIT $2)))
        RETURNING 1
    )
    SELECT count(*) FROM gone
    """,
]

private let finishStatement: PostgresStatement = """
    DELETE FROM users WHERE user_id = $1 AND erased_at < now() - $2 * interval '1 second'
        AND NOT EXISTS (SELECT 1 FROM posts WHERE author_id = $1)
        AND NOT EXISTS (SELECT 1 FROM media WHERE owner_id = $1)
        AND NOT EXISTS (SELECT 1 FROM comments WHERE user_id = $1)
    """
