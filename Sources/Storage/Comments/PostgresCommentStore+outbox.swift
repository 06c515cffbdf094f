import PostgresLibpq
import Wire

extension PostgresCommentStore {
    /// Two statements on purpose: the second one's snapshot begins when the lease is held, so that it sees every
    /// position that the owner before has saved.
    public func claimUnpublished(
        owner: String, olderThan age: Duration, limit: Int, lease: Duration
    ) async throws(StorageError) -> [OutboxEntry] {
        let limit = min(max(limit, 1), 10_000)
        return try await pool.session { connection in
            let held = try connection.execute(leaseStatement, [.text(owner), .bigint(lease.microseconds)])
            guard held == 1 else { return [] }
            let comments = try Self.entries(.comment, commentsStatement, age, limit, connection)
            var entries = comments
            for (kind, statement) in [
                (CommentEventKind.edit, editsStatement), (.removal, removalsStatement),
            ] where entries.count < limit {
                entries += try Self.entries(kind, statement, age, limit - entries.count, connection)
            }
            return entries
        }
    }

    public func releaseClaim(owner: String) async throws(StorageError) {
        try await pool.session { connection in
            _ = try connection.execute(
                "UPDATE outbox_lease SET expires_at = '-infinity' WHERE name = 'comments' AND owner = $1",
                [.text(owner)])
        }
    }

    public func outboxDepth() async throws(StorageError) -> OutboxDepth {
        try await pool.session { connection in
            let rows = try connection.query(depthStatement) { row throws(PostgresError) in
                OutboxDepth(count: Int(try row.bigint(0)), oldest: .microseconds(try row.bigint(1)))
            }
            return rows.first ?? OutboxDepth(count: 0, oldest: .zero)
        }
    }

    private static func entries(
        _ kind: CommentEventKind, _ statement: PostgresStatement, _ age: Duration, _ limit: Int,
        _ connection: PostgresConnection
    ) throws -> [OutboxEntry] {
        try connection.query(statement, [.bigint(age.microseconds), .bigint(Int64(limit))]) {
            row throws(PostgresError) in
            let stored = try StoredComment(row: row)
            return OutboxEntry(
                kind: kind, channel: stored.channel, comment: stored.comment, position: stored.position)
        }
    }
}

extension Duration {
    var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}

private let leaseStatement: PostgresStatement = """
    INSERT INTO outbox_lease AS held (name, owner, expires_at)
    VALUES ('comments', $1, clock_timestamp() + $2 * interval '1 microsecond')
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
    WHERE held.owner = excluded.owner OR held.expires_at < clock_timestamp()
    """

private let commentsStatement: PostgresStatement = """
    SELECT id, user_id, channel, comment, created_at, published_offset, published_epoch, removed_at, parent_id, revision
    FROM comments
    WHERE published_offset IS NULL AND removed_at IS NULL AND stored_at < now() - $1 * interval '1 microsecond'
    ORDER BY sequence LIMIT $2
    """

private let editsStatement: PostgresStatement = """
    SELECT id, user_id, channel, comment, created_at, published_offset, published_epoch, removed_at, parent_id, revision
    FROM comments
    WHERE edited_at IS NOT NULL AND edit_offset IS NULL AND removed_at IS NULL
        AND edited_at < now() - $1 * interval '1 microsecond'
    ORDER BY edited_at LIMIT $2
    """

private let removalsStatement: PostgresStatement = """
    SELECT id, user_id, channel, comment, created_at, published_offset, published_epoch, removed_at, parent_id, revision
    FROM comments
    WHERE removed_at IS NOT NULL AND removal_offset IS NULL AND removed_at < now() - $1 * interval '1 microsecond'
    ORDER BY removed_at LIMIT $2
    """

/// Ages by the database's clock, as the sweep takes them; a clock that steps back makes none negative.
private let depthStatement: PostgresStatement = """
    SELECT count(*), greatest(0, coalesce((extract(epoch FROM now() - min(since)) * 1000000)::bigint, 0))
    FROM (
        (SELECT stored_at AS since FROM comments WHERE published_offset IS NULL AND removed_at IS NULL
            ORDER BY sequence LIMIT 100000)
        UNION ALL
        (SELECT edited_at FROM comments
            WHERE edited_at IS NOT NULL AND edit_offset IS NULL AND removed_at IS NULL
            ORDER BY edited_at LIMIT 100000)
        UNION ALL
        (SELECT removed_at FROM comments WHERE removed_at IS NOT NULL AND removal_offset IS NULL
            ORDER BY removed_at LIMIT 100000)
    ) AS waiting
    """
