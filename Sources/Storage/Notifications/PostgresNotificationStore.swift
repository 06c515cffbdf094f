public import PostgresLibpq
import Wire

/// Notifications in PostgreSQL.
public final class PostgresNotificationStore: NotificationStore {
    private let pool: PostgresPool
    private let settings: NotificationSettings

    /// The pool is started and stopped by the caller; the schema is there (``Migrator``).
    public init(pool: PostgresPool, settings: NotificationSettings = NotificationSettings()) {
        self.pool = pool
        self.settings = settings
    }

    public func add(
        _ events: [LikeEvent], completing outbox: [OutboxRow] = []
    ) async throws(StorageError) -> [LikeNotification] {
        let rows = NotificationBatch(events, settings: settings).rows
        guard !rows.isEmpty || !outbox.isEmpty else { return [] }
        let values: [PostgresValue] = [
            .texts(rows.map(\.event.photo)), .texts(rows.map(\.event.owner)), .texts(rows.map(\.event.user)),
            .timestamps(rows.map(\.window)), .timestamps(rows.map(\.event.at)), .bigint(Int64(settings.likersMax)),
        ]
        return try await pool.session { connection in
            try connection.transaction { connection in
                try OutboxRow.delete(outbox, connection)
                return rows.isEmpty ? [] : try connection.query(addStatement, values, row: notification)
            }
        }
    }

    public func notifications(
        of owner: String, before: NotificationCursor?, limit: Int
    ) async throws(StorageError) -> Page<LikeNotification, NotificationCursor> {
        guard Identifier.isValid(owner) else { return Page() }
        let limit = min(max(limit, 1), 200)
        let cursor = before ?? NotificationCursor(at: TimestampRange.all.upperBound + 1, id: .max)
        return try await pool.session { connection in
            let values: [PostgresValue] = [
                .text(owner), .timestamp(cursor.at), .bigint(cursor.id), .bigint(Int64(limit) + 1),
            ]
            let rows = try connection.query(pageStatement, values, row: notification)
            return Page(rows, limit: limit) { NotificationCursor(at: $0.newestAt, id: $0.id) }
        }
    }

    public func markRead(owner: String, ids: [Int64]?) async throws(StorageError) -> Int {
        guard Identifier.isValid(owner) else { return 0 }
        return try await pool.session { connection in
            try connection.execute(
                """
                UPDATE notifications SET read_at = now()
                WHERE owner_id = $1 AND read_at IS NULL AND ($2 OR id = ANY($3::bigint[]))
                """, [.text(owner), .boolean(ids == nil), .bigints(ids ?? [])])
        }
    }

    public func unreadCount(of owner: String) async throws(StorageError) -> Int {
        guard Identifier.isValid(owner) else { return 0 }
        return try await pool.session { connection in
            try connection.query(
                "SELECT count(*) FROM notifications WHERE owner_id = $1 AND read_at IS NULL", [.text(owner)]
            ) { row throws(PostgresError) in Int(try row.bigint(0)) }.first ?? 0
        }
    }

    public func purge(olderThan age: Duration) async throws(StorageError) -> Int {
        try await pool.session { connection in
            let deleted = try connection.query(purgeStatement, [.bigint(age.microseconds)])
            return Int(try deleted.first?.bigint(0) ?? 0)
        }
    }
}

private func notification(_ row: PostgresRow) throws(PostgresError) -> LikeNotification {
    LikeNotification(
        id: try row.bigint(0), owner: try row.text(1), photo: try row.text(2), windowStart: try row.timestamp(3),
        likers: try row.bigint(4), newestUser: try row.text(5), newestAt: try row.timestamp(6),
        isUnread: try row.optionalTimestamp(7) == nil)
}

// `added` holds who was not there before, however often an event comes: the counts move by that.
private let addStatement: PostgresStatement = """
    WITH event AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
            AS event (photo_id, owner_id, user_id, window_start, liked_at)
    ), open AS (
        SELECT event.* FROM event
        LEFT JOIN notifications AS held USING (owner_id, photo_id, window_start)
        WHERE coalesce(held.likers, 0) < $6
    ), added AS (
        INSERT INTO notification_likers (photo_id, window_start, user_id)
        SELECT photo_id, window_start, user_id FROM open ORDER BY photo_id, window_start, user_id
        ON CONFLICT DO NOTHING
        RETURNING photo_id, window_start, user_id
    )
    INSERT INTO notifications AS held (owner_id, photo_id, window_start, likers, newest_user_id, newest_at)
    SELECT owner_id, photo_id, window_start, count(*), (array_agg(user_id ORDER BY liked_at DESC, user_id))[1],
        max(liked_at)
    FROM added JOIN event USING (photo_id, window_start, user_id)
    GROUP BY owner_id, photo_id, window_start ORDER BY owner_id, photo_id, window_start
    ON CONFLICT (owner_id, photo_id, window_start) DO UPDATE SET
        likers = held.likers + excluded.likers,
        newest_user_id = CASE WHEN excluded.newest_at > held.newest_at
            THEN excluded.newest_user_id ELSE held.newest_user_id END,
        newest_at = greatest(held.newest_at, excluded.newest_at),
        read_at = NULL
    RETURNING id, owner_id, photo_id, window_start, likers, newest_user_id, newest_at, read_at
    """

private let pageStatement: PostgresStatement = """
    SELECT id, owner_id, photo_id, window_start, likers, newest_user_id, newest_at, read_at
    FROM notifications WHERE owner_id = $1 AND (newest_at, id) < ($2, $3)
    ORDER BY newest_at DESC, id DESC LIMIT $4
    """

private let purgeStatement: PostgresStatement = """
    WITH gone AS (
        DELETE FROM notifications WHERE id = ANY(ARRAY(
            SELECT id FROM notifications WHERE newest_at < now() - $1 * interval '1 microsecond' LIMIT 1000))
        RETURNING photo_id, window_start
    ), members AS (
        DELETE FROM notification_likers AS liker USING gone
        WHERE liker.photo_id = gone.photo_id AND liker.window_start = gone.window_start
    )
    SELECT count(*) FROM gone
    """
