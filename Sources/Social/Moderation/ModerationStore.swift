public import PostgresLibpq
public import Storage

/// What can be reported and acted on.
public enum ModeratedKind: String, CaseIterable, Sendable {
    case post, comment, user
}

/// What moderators do; which of it suits which kind says ``suits(_:)``.
public enum ModerationAction: String, CaseIterable, Sendable {
    /// For good: as its author would delete it.
    case remove
    /// Nobody but its author sees it, until it is approved.
    case hold
    /// It stays, or is shown again; its reports are closed.
    case approve
    /// Others see nothing of the user.
    case limit
    /// The user may do nothing for a time.
    case suspend
    /// Ends what ``limit`` and ``suspend`` began.
    case restore

    public func suits(_ kind: ModeratedKind) -> Bool {
        switch self {
        case .approve: true
        case .remove, .hold: kind != .user
        case .limit, .suspend, .restore: kind == .user
        }
    }
}

/// One reported post, comment or user.
public struct ReportedSubject: Equatable, Sendable {
    /// Of its newest report; newest largest.
    public var newest: Int64
    public var kind: ModeratedKind
    public var id: String
    public var author: String
    /// What it says; of a user the display name.
    public var content: String
    /// `open`, `held` or `removed`.
    public var state: String
    /// Of a comment: `video:v1`, `post:p1`.
    public var channel: String?
    public var count: Int
    /// JSON: the newest five, `[{"user_id","reason"}]`.
    public var reasons: String
    /// Of the newest; microseconds since 1970.
    public var reportedAt: Int64
}

/// An entry of the log.
public struct ModerationEntry: Equatable, Sendable {
    public var id: Int64
    public var moderator: String
    public var action: String
    public var kind: String
    public var subject: String
    public var reason: String
    /// Microseconds since 1970.
    public var at: Int64
}

/// A word that is not taken, or makes what it stands in wait for a moderator.
public struct FilteredWord: Codable, Equatable, Sendable {
    public enum Effect: String, Codable, Sendable {
        case hold, refuse
    }

    public var word: String
    public var effect: Effect
}

/// Reports, what is done about them, and filtered words, in PostgreSQL.
public struct ModerationStore: Sendable {
    /// Of a report, and of an action.
    public static let reasonMax = 500
    public static let wordsMax = 5_000

    private let pool: PostgresPool

    /// The pool is started and stopped by the caller; the schema is there (``Storage/Migrator``).
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    // MARK: Reports

    /// Reports something that the reporter may see; a second report of the same replaces the first.
    ///
    /// - Returns: whether there is such a thing.
    public func report(
        _ kind: ModeratedKind, _ id: String, by reporter: String, reason: String
    ) async throws(StorageError) -> Bool {
        try await pool.session { connection in
            try connection.execute(
                reportStatement, [.text(kind.rawValue), .text(id), .text(reporter), .text(reason)]) == 1
        }
    }

    /// What has open reports, the one that was reported last first.
    ///
    /// - Parameter before: ``ReportedSubject/newest`` of the page before.
    public func reports(before: Int64?, limit: Int) async throws(StorageError) -> Page<ReportedSubject, Int64> {
        try await pool.session { connection in
            let rows = try connection.query(reportsStatement, [.bigint(before ?? .max), .bigint(Int64(limit) + 1)]) {
                row throws(PostgresError) in
                ReportedSubject(
                    newest: try row.bigint(0), kind: ModeratedKind(rawValue: try row.text(1)) ?? .post,
                    id: try row.text(2), author: try row.text(3), content: try row.text(4), state: try row.text(5),
                    channel: try row.optionalText(6), count: Int(try row.bigint(7)), reasons: try row.text(8),
                    reportedAt: try row.timestamp(9))
            }
            return Page(rows, limit: limit) { $0.newest }
        }
    }

    // MARK: Actions

    /// Does what one statement can do. A post is removed, and a user suspended, by whoever else does that; see
    /// ``record(_:on:_:by:reason:)``.
    ///
    /// - Returns: whether there is such a thing.
    public func perform(_ action: ModerationAction, on kind: ModeratedKind, _ id: String) async throws(StorageError)
        -> Bool
    {
        let statement: PostgresStatement
        var values: [PostgresValue] = [.text(id)]
        switch (action, kind) {
        case (.hold, .post): statement = holdPostStatement
        case (.approve, .post): statement = approvePostStatement
        case (.remove, .comment), (.hold, .comment):
            statement = withdrawCommentStatement
            values.append(.boolean(action == .remove))
        case (.approve, .comment): statement = approveCommentStatement
        case (.limit, .user): statement = "UPDATE users SET limited_at = coalesce(limited_at, now()) WHERE user_id = $1"
        case (.restore, .user):
            statement = "UPDATE users SET limited_at = NULL, suspended_until = NULL WHERE user_id = $1"
        default: statement = "UPDATE users SET user_id = user_id WHERE user_id = $1 AND erased_at IS NULL"
        }
        return try await pool.session { [values] in try $0.execute(statement, values) == 1 }
    }

    /// Writes what was done into the log, and closes the reports.
    public func record(
        _ action: ModerationAction, on kind: ModeratedKind, _ id: String, by moderator: String, reason: String
    ) async throws(StorageError) {
        try await pool.session { connection in
            _ = try connection.execute(
                """
                WITH entry AS (
                    INSERT INTO moderation_log (moderator, action, kind, subject_id, reason) VALUES ($4, $1, $2, $3, $5)
                )
                UPDATE reports SET closed_at = now() WHERE kind = $2 AND subject_id = $3 AND closed_at IS NULL
                """,
                [.text(action.rawValue), .text(kind.rawValue), .text(id), .text(moderator), .text(reason)])
        }
    }

    /// The log, newest first.
    public func entries(before: Int64?, limit: Int) async throws(StorageError) -> Page<ModerationEntry, Int64> {
        try await pool.session { connection in
            let rows = try connection.query(
                """
                SELECT entry_id, moderator, action, kind, subject_id, reason, created_at FROM moderation_log
                WHERE entry_id < $1 ORDER BY entry_id DESC LIMIT $2
                """, [.bigint(before ?? .max), .bigint(Int64(limit) + 1)]
            ) { row throws(PostgresError) in
                ModerationEntry(
                    id: try row.bigint(0), moderator: try row.text(1), action: try row.text(2), kind: try row.text(3),
                    subject: try row.text(4), reason: try row.text(5), at: try row.timestamp(6))
            }
            return Page(rows, limit: limit) { $0.id }
        }
    }

    // MARK: Words

    public func words() async throws(StorageError) -> [FilteredWord] {
        try await pool.session { connection in
            try connection.query("SELECT word, effect FROM filtered_words ORDER BY word") { row throws(PostgresError) in
                FilteredWord(word: try row.text(0), effect: .init(rawValue: try row.text(1)) ?? .hold)
            }
        }
    }

    /// Replaces all filtered words. They are kept as the search knows them: small.
    ///
    /// - Returns: `nil` when it was done; else the place of one that is not one word.
    public func setWords(_ words: [FilteredWord]) async throws(StorageError) -> Int? {
        let values: [PostgresValue] = [.texts(words.map(\.word)), .texts(words.map(\.effect.rawValue))]
        return try await pool.session { connection in
            try connection.transaction { connection in
                let wrong = try connection.query(
                    """
                    SELECT place FROM unnest($1::text[]) WITH ORDINALITY AS given (word, place)
                    WHERE cardinality(tsvector_to_array(to_tsvector('simple', word))) <> 1 ORDER BY place LIMIT 1
                    """, [values[0]]
                ) { row throws(PostgresError) in Int(try row.bigint(0)) - 1 }
                if let place = wrong.first { return place }
                try connection.execute("DELETE FROM filtered_words", [])
                try connection.execute(
                    """
                    INSERT INTO filtered_words (word, effect)
                    SELECT (tsvector_to_array(to_tsvector('simple', word)))[1], max(effect)
                    FROM unnest($1::text[], $2::text[]) AS given (word, effect) GROUP BY 1
                    """, values)
                return nil
            }
        }
    }
}

private let reportStatement: PostgresStatement = """
    INSERT INTO reports (kind, subject_id, reporter, reason)
    SELECT $1, $2, user_id, $4 FROM users
    WHERE user_id = $3 AND erased_at IS NULL AND CASE $1
        WHEN 'post' THEN EXISTS (SELECT 1 FROM posts
            WHERE post_id = $2 AND deleted_at IS NULL AND may_see($3, author_id, visibility))
        WHEN 'comment' THEN EXISTS (SELECT 1 FROM comments AS c
            WHERE c.id = $2 AND c.removed_at IS NULL AND (c.channel NOT LIKE 'post:%' OR EXISTS (
                SELECT 1 FROM posts AS p WHERE p.post_id = c.video_id AND p.deleted_at IS NULL
                    AND may_see($3, p.author_id, p.visibility))))
        ELSE EXISTS (SELECT 1 FROM users WHERE user_id = $2 AND erased_at IS NULL) END
    ON CONFLICT (reporter, kind, subject_id) DO UPDATE
        SET reason = excluded.reason, created_at = now(), closed_at = NULL
    """

private let reportsStatement: PostgresStatement = """
    WITH page AS (
        SELECT kind, subject_id, max(report_id) AS newest, count(*) AS count, max(created_at) AS reported_at
        FROM reports WHERE closed_at IS NULL GROUP BY kind, subject_id HAVING max(report_id) < $1
        ORDER BY newest DESC LIMIT $2
    )
    SELECT newest, page.kind, page.subject_id, coalesce(p.author_id, c.user_id, u.user_id, ''),
        coalesce(p.content, c.comment, u.display_name, ''),
        CASE WHEN p.held_at IS NOT NULL OR c.held_at IS NOT NULL THEN 'held'
            WHEN p.deleted_at IS NOT NULL OR c.removed_at IS NOT NULL THEN 'removed' ELSE 'open' END,
        c.channel, count, (
            SELECT json_agg(json_build_object('user_id', reporter, 'reason', reason))::text
            FROM (SELECT reporter, reason FROM reports AS r
                WHERE r.kind = page.kind AND r.subject_id = page.subject_id AND r.closed_at IS NULL
                ORDER BY report_id DESC LIMIT 5) AS newest_five), reported_at
    FROM page
    LEFT JOIN posts AS p ON page.kind = 'post' AND p.post_id = page.subject_id
    LEFT JOIN comments AS c ON page.kind = 'comment' AND c.id = page.subject_id
    LEFT JOIN users AS u ON page.kind = 'user' AND u.user_id = page.subject_id
    ORDER BY newest DESC
    """

private let holdPostStatement: PostgresStatement = """
    UPDATE posts SET held_at = coalesce(held_at, now()) WHERE post_id = $1 AND deleted_at IS NULL
    """

private let approvePostStatement: PostgresStatement = """
    UPDATE posts SET held_at = NULL WHERE post_id = $1 AND deleted_at IS NULL
    """

// Of a comment, the row is locked first: what a post counts are those that are shown, and two who act on one comment at once
// both see what it is.

// One that is held and was never published is gone without a word; viewers of any other are told by CommentAPI's sweep. $2:
// for good, else it is held.
private let withdrawCommentStatement: PostgresStatement = """
    WITH it AS (
        SELECT id, video_id, channel, removed_at IS NULL AS is_shown FROM comments
        WHERE id = $1 AND ($2 OR removed_at IS NULL OR held_at IS NOT NULL) FOR UPDATE
    ), counted AS (
        UPDATE post_counts SET comments = comments - 1 FROM it
        WHERE it.is_shown AND it.channel LIKE 'post:%' AND post_counts.post_id = it.video_id
    )
    UPDATE comments AS c SET removed_at = coalesce(c.removed_at, now()),
        removed_by = CASE WHEN $2 THEN 'moderator' ELSE coalesce(c.removed_by, 'held') END,
        held_at = CASE WHEN $2 THEN NULL ELSE coalesce(c.held_at, now()) END
    FROM it WHERE c.id = it.id
    """

// One that was never published is published now, by the sweep.
private let approveCommentStatement: PostgresStatement = """
    WITH it AS (
        SELECT id, video_id, channel, held_at IS NOT NULL AS is_held FROM comments WHERE id = $1 FOR UPDATE
    ), counted AS (
        INSERT INTO post_counts AS held (post_id, comments)
        SELECT p.post_id, 1 FROM it JOIN posts AS p ON p.post_id = it.video_id
        WHERE it.is_held AND it.channel LIKE 'post:%'
        ON CONFLICT (post_id) DO UPDATE SET comments = held.comments + 1
    )
    UPDATE comments AS c SET
        stored_at = CASE WHEN it.is_held THEN now() ELSE c.stored_at END,
        removed_at = CASE WHEN NOT it.is_held THEN c.removed_at END,
        removed_by = CASE WHEN NOT it.is_held THEN c.removed_by END,
        removal_offset = CASE WHEN NOT it.is_held THEN c.removal_offset END,
        removal_epoch = CASE WHEN NOT it.is_held THEN c.removal_epoch END,
        held_at = NULL
    FROM it WHERE c.id = it.id
    """
