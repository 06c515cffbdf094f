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
        _ events: [NotifyEvent], completing outbox: [OutboxRow] = []
    ) async throws(StorageError) -> [UserNotification] {
        let rows = NotificationBatch(events.compactMap(\.like), settings: settings).rows
        let others = events.filter { $0.type ?? .like != .like && $0.isStorable }
        guard !rows.isEmpty || !others.isEmpty || !outbox.isEmpty else { return [] }
        let values: [PostgresValue] = [
            .texts(rows.map(\.event.photo)), .texts(rows.map(\.event.owner)), .texts(rows.map(\.event.user)),
            .timestamps(rows.map(\.window)), .timestamps(rows.map(\.event.at)), .bigint(Int64(settings.likersMax)),
        ]
        return try await pool.session { connection in
            try connection.transaction { connection in
                try OutboxRow.delete(outbox, connection)
                var changed = rows.isEmpty ? [] : try connection.query(addStatement, values, row: notification)
                if !others.isEmpty {
                    changed += try connection.query(tellStatement, Self.values(others), row: notification)
                }
                return changed
            }
        }
    }

    private static func values(_ events: [NotifyEvent]) -> [PostgresValue] {
        [
            .texts(events.map { $0.type?.rawValue ?? "" }), .texts(events.map(\.user)),
            .texts(events.map { $0.owner ?? "" }), .texts(events.map { $0.post ?? "" }),
            .texts(events.map { $0.comment ?? "" }), .timestamps(events.map(\.at)),
        ]
    }

    public func notifications(
        of owner: String, before: NotificationCursor?, limit: Int
    ) async throws(StorageError) -> Page<UserNotification, NotificationCursor> {
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

/// The columns of a row that is read, in this order: `id, owner_id, photo_id, window_start, likers, newest_user_id,
/// newest_at, read_at, kind, post_id`.
private func notification(_ row: PostgresRow) throws(PostgresError) -> UserNotification {
    guard let kind = UserNotification.Kind(rawValue: try row.text(8)) else {
        throw PostgresError(.internal, "a notification is of another kind")
    }
    return UserNotification(
        id: try row.bigint(0), kind: kind, owner: try row.text(1), photo: try row.text(2),
        post: try row.optionalText(9), windowStart: try row.timestamp(3), likers: try row.bigint(4),
        newestUser: try row.text(5), newestAt: try row.timestamp(6), isUnread: try row.optionalTimestamp(7) == nil)
}

extension NotifyEvent {
    /// What PostgreSQL can hold.
    fileprivate var isStorable: Bool {
        Identifier.isValid(user) && TimestampRange.all.contains(at)
            && [owner, post, comment].allSatisfy { $0.map { Identifier.isValid($0) } ?? true }
    }
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
    RETURNING id, owner_id, photo_id, window_start, likers, newest_user_id, newest_at, read_at, kind, post_id
    """

// Each owner and cause once: the first by `rank`, and never again. `window_start` is the cause's time, a microsecond past
// a second, where no window of likes begins.
private let tellStatement: PostgresStatement = """
    WITH event AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
            AS event (type, actor, owner, post, comment, at)
    ), written AS (
        SELECT e.actor, e.at, c.id, c.comment, c.parent_id, p.post_id, p.author_id, p.visibility
        FROM event AS e JOIN comments AS c ON c.id = e.comment AND c.removed_at IS NULL
        JOIN posts AS p ON p.post_id = c.video_id AND p.deleted_at IS NULL
        WHERE e.type = 'comment' AND c.channel = 'post:' || p.post_id
    ), posted AS (
        SELECT e.actor, e.at, p.post_id, p.content, p.author_id, p.visibility
        FROM event AS e JOIN posts AS p ON p.post_id = e.post AND p.deleted_at IS NULL
        WHERE e.type = 'post'
    ), told AS (
        SELECT 1 AS rank, 'reply' AS kind, parent.user_id AS owner_id, w.id AS cause, w.actor, w.at, w.post_id,
            w.author_id, w.visibility
        FROM written AS w JOIN comments AS parent ON parent.id = w.parent_id
        UNION ALL
        SELECT 2, 'mention', m.name, w.id, w.actor, w.at, w.post_id, w.author_id, w.visibility
        FROM written AS w CROSS JOIN LATERAL mentions(w.comment) AS m (name)
        UNION ALL
        SELECT 3, 'comment', w.author_id, w.id, w.actor, w.at, w.post_id, w.author_id, w.visibility FROM written AS w
        UNION ALL
        SELECT 2, 'mention', m.name, p.post_id, p.actor, p.at, p.post_id, p.author_id, p.visibility
        FROM posted AS p CROSS JOIN LATERAL mentions(p.content) AS m (name)
        UNION ALL
        SELECT 1, 'follow', f.followee_id, f.follower_id, f.follower_id, e.at, NULL, NULL, NULL
        FROM event AS e JOIN follows AS f ON f.follower_id = e.actor AND f.followee_id = e.owner
        WHERE e.type = 'follow'
    ), first AS (
        SELECT DISTINCT ON (owner_id, cause) * FROM told ORDER BY owner_id, cause, rank, at
    )
    INSERT INTO notifications (
        owner_id, photo_id, window_start, likers, newest_user_id, newest_at, kind, post_id)
    SELECT t.owner_id, t.cause,
        CASE t.kind WHEN 'follow' THEN 'epoch'::timestamptz ELSE date_trunc('second', t.at) END
            + interval '1 microsecond',
        1, t.actor, t.at, t.kind, t.post_id
    FROM first AS t JOIN users AS u ON u.user_id = t.owner_id
    WHERE t.owner_id <> t.actor AND NOT are_apart(t.owner_id, t.actor)
        AND (t.post_id IS NULL OR may_see(t.owner_id, t.author_id, t.visibility))
    ORDER BY t.owner_id, t.cause
    ON CONFLICT (owner_id, photo_id, window_start) DO NOTHING
    RETURNING id, owner_id, photo_id, window_start, likers, newest_user_id, newest_at, read_at, kind, post_id
    """

private let pageStatement: PostgresStatement = """
    SELECT id, owner_id, photo_id, window_start, likers, newest_user_id, newest_at, read_at, kind, post_id
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
