import PostgresLibpq
public import Wire

/// What the database holds, for the statistics.
public struct CommentOverview: Equatable, Sendable {
    /// The same however a process reaches the database; another one for every other database.
    public var database: String
    /// Comments that are not removed; of a large table PostgreSQL's estimate of its rows.
    public var total: Int
    /// Newest first.
    public var latest: [Comment]
}

extension PostgresCommentStore {
    /// Counts the comments and reads the newest ones; of those on posts, which not everybody may read, it only counts.
    ///
    /// No index serves either, so that both scan the table, and only while it is small. Of a larger one the rows are
    /// estimated, and the newest comments are taken from those that the caller knows.
    ///
    /// - Parameters:
    ///   - recent: ids of comments that the caller has stored lately; removed ones are left out of the answer.
    ///   - scanBytesMax: the size of a table that is scanned.
    public func overview(
        recent: [String], limit: Int, scanBytesMax: Int64 = 8 << 20
    ) async throws(StorageError) -> CommentOverview {
        try await pool.session { connection in
            let counts = try connection.query(overviewStatement, [.bigint(scanBytesMax)]) { row throws(PostgresError) in
                (database: try row.text(0), total: Int(try row.bigint(1)), isSmall: try row.boolean(2))
            }
            guard let counts = counts.first else { throw StorageError(.internal, "there is no table of comments") }
            let latest = try connection.query(
                counts.isSmall ? latestStatement : recentStatement,
                (counts.isSmall ? [] : [.texts(recent)]) + [.integer(Int32(limit))]
            ) { row throws(PostgresError) in try StoredComment(row: row).comment }
            return CommentOverview(database: counts.database, total: counts.total, latest: latest)
        }
    }
}

// The moment of the first migration tells one database from another. `reltuples` is of the last VACUUM or ANALYZE: the rows
// of a page then, times the pages now.
private let overviewStatement: PostgresStatement = """
    SELECT (SELECT current_database() || ' ' || extract(epoch FROM min(applied_at)) FROM chorus_migrations)::text,
        CASE WHEN size < $1 OR relpages <= 0 OR reltuples < 0
            THEN (SELECT count(*) FROM comments WHERE removed_at IS NULL)
            ELSE (reltuples / relpages * size / current_setting('block_size')::int)::bigint END,
        size < $1
    FROM (SELECT pg_relation_size(oid) AS size, relpages, reltuples FROM pg_class
        WHERE oid = 'comments'::regclass) AS comments_table
    """

private let latestStatement: PostgresStatement = """
    SELECT id, user_id, channel, comment, created_at, published_offset, published_epoch, removed_at, parent_id, revision
    FROM comments WHERE removed_at IS NULL AND channel LIKE 'video:%' ORDER BY sequence DESC LIMIT $1
    """

private let recentStatement: PostgresStatement = """
    SELECT id, user_id, channel, comment, created_at, published_offset, published_epoch, removed_at, parent_id, revision
    FROM comments WHERE id = ANY($1) AND removed_at IS NULL ORDER BY sequence DESC LIMIT $2
    """
