import PostgresLibpq
public import Wire

extension PostgresCommentStore {
    public func history(of channel: Channel, before: String?, limit: Int) async throws(StorageError) -> HistoryPage {
        let limit = min(max(limit, Self.historyLimits.lowerBound), Self.historyLimits.upperBound)
        // U+0000 cannot be in a text that is stored, and the server would call the statement invalid.
        guard before?.utf8.contains(0) != true else { throw StorageError(.unknownCursor, "no such comment") }
        return try await pool.session { connection in
            let sequence = try before.map { try Self.sequence(of: $0, channel, connection) } ?? .max
            let rows = try connection.query(
                pageStatement, [.text(channel.name), .bigint(sequence), .bigint(Int64(limit) + 1)]
            ) { row throws(PostgresError) in try StoredComment(row: row) }
            let page = Array(rows.prefix(limit))
            return HistoryPage(comments: page, next: rows.count > limit ? page.last?.comment.id : nil)
        }
    }

    public func comment(id: String) async throws(StorageError) -> StoredComment? {
        guard !id.utf8.contains(0) else { return nil }
        return try await pool.session { try Self.comment(id: id, $0)?.stored }
    }

    private static func comment(
        id: String, _ connection: PostgresConnection
    ) throws -> (stored: StoredComment, removalIsPublished: Bool, isHeld: Bool)? {
        try connection.query(commentStatement, [.text(id)]) { row throws(PostgresError) in
            (
                stored: try StoredComment(row: row), removalIsPublished: try row.boolean(10),
                isHeld: try row.boolean(11)
            )
        }.first
    }

    /// - Throws: `unknownCursor`.
    static func sequence(of id: String, _ channel: Channel, _ connection: PostgresConnection) throws -> Int64 {
        let found = try connection.query(
            "SELECT sequence FROM comments WHERE id = $1 AND channel = $2", [.text(id), .text(channel.name)]
        ) { row throws(PostgresError) in try row.bigint(0) }
        guard let sequence = found.first else { throw StorageError(.unknownCursor, "no such comment") }
        return sequence
    }

    public func remove(id: String, by user: String, moderator: Bool) async throws(StorageError) -> Removal {
        guard !id.utf8.contains(0), !user.utf8.contains(0) else { return .notFound }
        return try await pool.session { connection in
            while true {
                let removed = try connection.query(removeStatement, [.text(id), .text(user), .boolean(moderator)]) {
                    row throws(PostgresError) in try StoredComment(row: row)
                }
                if let comment = removed.first { return .removed(comment) }
                guard let there = try Self.comment(id: id, connection) else { return .notFound }
                guard moderator || there.stored.comment.userid == user else { return .forbidden }
                // One that is not removed, or is held, was committed between the two statements: the next one finds it.
                if there.stored.isRemoved, !there.isHeld {
                    return .alreadyRemoved(there.stored, isPublished: there.removalIsPublished)
                }
            }
        }
    }
}

private let pageStatement: PostgresStatement = """
    SELECT id, user_id, channel, comment, created_at, published_offset, published_epoch, removed_at, parent_id, revision
    FROM comments WHERE channel = $1 AND sequence < $2 AND removed_at IS NULL
    ORDER BY sequence DESC LIMIT $3
    """

private let commentStatement: PostgresStatement = """
    SELECT id, user_id, channel, comment, created_at, published_offset, published_epoch, removed_at, parent_id, revision,
        removal_offset IS NOT NULL, held_at IS NOT NULL
    FROM comments WHERE id = $1
    """

// A comment that is held counts as removed: its removal ends the hold, so that no moderator publishes it afterwards.
private let removeStatement: PostgresStatement = """
    WITH withdrawn AS (
        UPDATE comments SET removed_by = $2, held_at = NULL
        WHERE id = $1 AND removed_at IS NOT NULL AND held_at IS NOT NULL AND (user_id = $2 OR $3)
    ), removed AS (
        UPDATE comments SET removed_at = now(), removed_by = $2
        WHERE id = $1 AND removed_at IS NULL AND (user_id = $2 OR $3)
        RETURNING id, user_id, video_id, channel, comment, created_at, published_offset, published_epoch, removed_at,
            parent_id, revision
    ), counted AS (
        UPDATE post_counts SET comments = comments - 1 FROM removed
        WHERE removed.channel LIKE 'post:%' AND post_counts.post_id = removed.video_id
    )
    SELECT id, user_id, channel, comment, created_at, published_offset, published_epoch, removed_at, parent_id, revision
    FROM removed
    """
