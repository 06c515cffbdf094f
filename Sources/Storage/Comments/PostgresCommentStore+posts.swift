import PostgresLibpq
import Wire

extension PostgresCommentStore {
    /// Comments of a post, newest first, with a tombstone where one was removed; without those of users whom a block keeps
    /// from the viewer. `nil` when the viewer may not see the post.
    ///
    /// - Parameters:
    ///   - before: the id of a comment of this post.
    ///   - limit: 1 to 500; others are clamped.
    /// - Throws: `unknownCursor`.
    public func comments(
        onPost post: String, for viewer: String?, before: String?, limit: Int
    ) async throws(StorageError) -> HistoryPage? {
        guard let channel = Channel.post(post) else { return nil }
        let limit = min(max(limit, Self.historyLimits.lowerBound), Self.historyLimits.upperBound)
        return try await pool.session { connection in
            let isSeen = try connection.query(
                "SELECT 1 FROM posts WHERE post_id = $1 AND deleted_at IS NULL AND may_see($2, author_id, visibility)",
                [.text(post), .optionalText(viewer)])
            guard !isSeen.isEmpty else { return nil }
            let sequence = try before.map { try Self.sequence(of: $0, channel, connection) } ?? .max
            let rows = try connection.query(
                postPageStatement,
                [.text(post), .bigint(sequence), .bigint(Int64(limit) + 1), .optionalText(viewer)]
            ) { row throws(PostgresError) in try StoredComment(row: row) }
            let page = Array(rows.prefix(limit))
            return HistoryPage(comments: page, next: rows.count > limit ? page.last?.comment.id : nil)
        }
    }

    /// One comment that the viewer may see.
    public func comment(id: String, for viewer: String?) async throws(StorageError) -> StoredComment? {
        try await pool.session { connection in
            try connection.query(seenStatement, [.text(id), .optionalText(viewer)]) { row throws(PostgresError) in
                try StoredComment(row: row)
            }.first
        }
    }

    /// Changes what a comment says: its author may. What it said before is kept. The caller publishes the change and saves
    /// its place; if it does not, the sweep does.
    ///
    /// - Parameter revision: the one that the author saw.
    public func edit(id: String, by user: String, text: String, revision: Int) async throws(StorageError) -> Edit {
        guard !text.utf8.contains(0) else { throw StorageError(.invalid, "the comment contains U+0000") }
        return try await pool.session { connection in
            try connection.transaction { connection in
                let found = try connection.query(
                    """
                    SELECT user_id, revision FROM comments
                    WHERE id = $1 AND removed_at IS NULL AND (channel NOT LIKE 'post:%' OR EXISTS (
                        SELECT 1 FROM posts AS p WHERE p.post_id = video_id AND p.deleted_at IS NULL
                            AND may_see($2, p.author_id, p.visibility)))
                    FOR UPDATE
                    """, [.text(id), .text(user)]
                ) { row throws(PostgresError) in (author: try row.text(0), revision: Int(try row.integer(1))) }.first
                guard let found else { return .notFound }
                guard found.author == user else { return .forbidden }
                guard found.revision == revision else { return .stale(revision: found.revision) }
                let edited = try connection.query(editStatement, [.text(id), .text(text)]) {
                    row throws(PostgresError) in
                    try StoredComment(row: row)
                }.first
                return edited.map { .edited($0) } ?? .notFound
            }
        }
    }
}

private let postPageStatement: PostgresStatement = """
    SELECT id, user_id, channel, comment, created_at, published_offset, published_epoch, removed_at, parent_id, revision
    FROM comments WHERE video_id = $1 AND channel LIKE 'post:%' AND sequence < $2 AND held_at IS NULL
        AND NOT are_apart($4, user_id)
    ORDER BY sequence DESC LIMIT $3
    """

private let seenStatement: PostgresStatement = """
    SELECT id, user_id, channel, comment, created_at, published_offset, published_epoch, removed_at, parent_id, revision
    FROM comments AS c
    WHERE id = $1 AND NOT are_apart($2, user_id) AND (channel NOT LIKE 'post:%' OR EXISTS (
        SELECT 1 FROM posts AS p WHERE p.post_id = c.video_id AND p.deleted_at IS NULL
            AND may_see($2, p.author_id, p.visibility)))
    """

private let editStatement: PostgresStatement = """
    WITH kept AS (
        INSERT INTO comment_revisions (comment_id, revision, comment)
        SELECT id, revision, comment FROM comments WHERE id = $1
    )
    UPDATE comments SET comment = $2, revision = revision + 1, edited_at = now(), edit_offset = NULL, edit_epoch = NULL
    WHERE id = $1
    RETURNING id, user_id, channel, comment, created_at, published_offset, published_epoch, removed_at, parent_id,
        revision
    """
