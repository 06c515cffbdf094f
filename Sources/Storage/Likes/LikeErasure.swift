public import PostgresLibpq

/// What users whose accounts are given up (`users.erased_at`) leave among likes and notifications, in PostgreSQL.
///
/// Likes have no index by user: they are looked for photo by photo, a page of photos at a time.
public struct LikeErasure: Sendable {
    /// Photos of one page.
    public static let pageMax = 5_000

    private let pool: PostgresPool

    /// The pool is started and stopped by the caller; the schema is there (``Migrator``).
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    /// At most 100, the oldest first.
    public func users() async throws(StorageError) -> [String] {
        try await pool.session { connection in
            try connection.query(
                "SELECT user_id FROM users WHERE erased_at IS NOT NULL ORDER BY erased_at LIMIT 100"
            ) { row throws(PostgresError) in try row.text(0) }
        }
    }

    /// A page of the photos.
    public struct PhotoPage: Sendable {
        /// Those that the user likes.
        public var liked: [String] = []
        /// Those that the user has liked and no longer likes.
        public var withdrawn: [String] = []
        /// The last photo of the page; `nil` when there is none behind the one asked for.
        public var last: String?
    }

    /// - Parameter photo: the last one of the page before; `""` for the first page.
    public func photos(of user: String, after photo: String) async throws(StorageError) -> PhotoPage {
        try await pool.session { connection in
            var page = PhotoPage()
            let rows = try connection.query(
                pageStatement,
                [
                    .text(user), .text(photo), .bigint(Int64(Self.pageMax)),
                    .integer(Int32(UserSlot.slot(of: user))),
                ]
            ) { row throws(PostgresError) in (photo: try row.text(0), state: try row.text(1)) }
            for row in rows {
                switch row.state {
                case "liked": page.liked.append(row.photo)
                case "withdrawn": page.withdrawn.append(row.photo)
                default: break
                }
            }
            page.last = rows.last?.photo
            return page
        }
    }

    /// Removes what a user's likes of some photos have left: the user among the likers of notifications, and the rows of
    /// likes that were withdrawn before `age`. An older change of such a like must not come any more: it would count.
    ///
    /// - Returns: the owners whose notifications changed.
    public func removeTraces(
        of user: String, on photos: [String], withdrawnBefore age: Duration
    ) async throws(StorageError) -> [String] {
        guard !photos.isEmpty else { return [] }
        return try await pool.session { connection in
            try connection.transaction { connection in
                let owners = try connection.query(likerStatement, [.text(user), .texts(photos)]) {
                    row throws(PostgresError) in try row.text(0)
                }
                if !owners.isEmpty {
                    try connection.execute(
                        "DELETE FROM notifications WHERE owner_id = ANY($1::text[]) AND likers <= 0", [.texts(owners)])
                }
                try connection.execute(
                    """
                    DELETE FROM likes WHERE photo_id = ANY($2::text[]) AND slot = $3::integer::smallint AND user_id = $1
                        AND NOT liked AND liked_at < now() - $4 * interval '1 microsecond'
                    """,
                    [
                        .text(user), .texts(photos), .integer(Int32(UserSlot.slot(of: user))),
                        .bigint(age.microseconds),
                    ])
                return Array(Set(owners))
            }
        }
    }

    /// Removes the user's own notifications, what waits in the outbox for becoming one of the user or by the user, and that
    /// the user owns photos of some page.
    ///
    /// - Returns: how many rows changed; with a thousand there may be more.
    public func removeOwn(
        of user: String, photosAfter first: String, through last: String
    ) async throws(StorageError) -> Int {
        try await pool.session { connection in
            let owned = try connection.execute(
                "UPDATE photos SET owner_id = NULL WHERE photo_id > $2 AND photo_id <= $3 AND owner_id = $1",
                [.text(user), .text(first), .text(last)])
            let told = try connection.query(ownStatement, [.text(user)]) {
                row throws(PostgresError) in Int(try row.bigint(0))
            }
            let waiting = try connection.execute(outboxStatement, [.text(user)])
            return owned + (told.first ?? 0) + waiting
        }
    }

    /// Removes what others were told of a user besides likes, at most a thousand.
    ///
    /// - Returns: whose notifications they were.
    public func removeTold(by user: String) async throws(StorageError) -> [String] {
        try await pool.session { connection in
            try connection.query(
                """
                DELETE FROM notifications WHERE id = ANY(ARRAY(
                    SELECT id FROM notifications WHERE newest_user_id = $1 AND kind <> 'likes' LIMIT 1000))
                RETURNING owner_id
                """, [.text(user)]
            ) { row throws(PostgresError) in try row.text(0) }
        }
    }

    public func has(photo: String) async throws(StorageError) -> Bool {
        try await pool.session { connection in
            try !connection.query("SELECT 1 FROM photos WHERE photo_id = $1", [.text(photo)]).isEmpty
        }
    }

    /// Some of who likes a photo.
    public func likers(of photo: String, limit: Int) async throws(StorageError) -> [String] {
        try await pool.session { connection in
            try connection.query(
                "SELECT user_id FROM likes WHERE photo_id = $1 AND liked LIMIT $2",
                [.text(photo), .bigint(Int64(limit))]
            ) { row throws(PostgresError) in try row.text(0) }
        }
    }

    /// Removes a photo that has no likes (any more), and what it was.
    public func remove(photo: String) async throws(StorageError) {
        try await pool.session { connection in
            _ = try connection.execute(
                """
                WITH gone AS (
                    DELETE FROM photos WHERE photo_id = $1
                        AND NOT EXISTS (SELECT 1 FROM likes WHERE photo_id = $1 AND liked) RETURNING photo_id
                )
                DELETE FROM likes USING gone WHERE likes.photo_id = gone.photo_id AND NOT liked
                """, [.text(photo)])
        }
    }

    /// Whether nothing of the user is left among likes and notifications.
    public func isDone(_ user: String) async throws(StorageError) -> Bool {
        let isNotified = try await pool.session { connection in
            try !connection.query(leftStatement, [.text(user)]).isEmpty
        }
        if isNotified { return false }
        var photo = ""
        while true {
            let page = try await photos(of: user, after: photo)
            guard page.liked.isEmpty, page.withdrawn.isEmpty else { return false }
            guard let last = page.last else { return true }
            photo = last
        }
    }
}

private let pageStatement: PostgresStatement = """
    WITH page AS (
        SELECT photo_id FROM photos WHERE photo_id > $2 ORDER BY photo_id LIMIT $3
    )
    SELECT page.photo_id, CASE WHEN liked THEN 'liked' WHEN NOT liked THEN 'withdrawn' ELSE '' END
    FROM page LEFT JOIN likes ON likes.photo_id = page.photo_id AND slot = $4::integer::smallint AND user_id = $1
    WHERE user_id IS NOT NULL OR page.photo_id = (SELECT max(photo_id) FROM page)
    ORDER BY page.photo_id
    """

private let likerStatement: PostgresStatement = """
    WITH gone AS (
        DELETE FROM notification_likers WHERE user_id = $1 AND photo_id = ANY($2::text[])
        RETURNING photo_id, window_start
    )
    UPDATE notifications AS n SET likers = likers - 1, newest_user_id = CASE WHEN newest_user_id = $1 THEN coalesce((
            SELECT user_id FROM notification_likers AS l
            WHERE l.photo_id = n.photo_id AND l.window_start = n.window_start AND l.user_id <> $1 LIMIT 1), '')
        ELSE newest_user_id END
    FROM gone JOIN photos AS p USING (photo_id)
    WHERE n.owner_id = p.owner_id AND n.photo_id = gone.photo_id AND n.window_start = gone.window_start
    RETURNING n.owner_id
    """

private let ownStatement: PostgresStatement = """
    WITH gone AS (
        DELETE FROM notifications WHERE id = ANY(ARRAY(SELECT id FROM notifications WHERE owner_id = $1 LIMIT 1000))
        RETURNING photo_id, window_start
    ), members AS (
        DELETE FROM notification_likers AS liker USING gone
        WHERE liker.photo_id = gone.photo_id AND liker.window_start = gone.window_start
    )
    SELECT count(*) FROM gone
    """

// A row that is being handled is found by the next look: what it made is a notification then.
private let outboxStatement: PostgresStatement = """
    UPDATE outbox SET payload = (
        SELECT coalesce(jsonb_agg(event), '[]') FROM jsonb_array_elements(payload) AS event
        WHERE event->>'user' IS DISTINCT FROM $1 AND event->>'owner' IS DISTINCT FROM $1)
    WHERE id = ANY(ARRAY(
        SELECT id FROM outbox
        WHERE topic = 'notify' AND (payload @> jsonb_build_array(jsonb_build_object('user', $1))
            OR payload @> jsonb_build_array(jsonb_build_object('owner', $1)))
        FOR UPDATE SKIP LOCKED))
    """

private let leftStatement: PostgresStatement = """
    SELECT 1 WHERE EXISTS (SELECT 1 FROM notifications WHERE owner_id = $1)
        OR EXISTS (SELECT 1 FROM notifications WHERE newest_user_id = $1 AND kind <> 'likes')
        OR EXISTS (SELECT 1 FROM photos WHERE photo_id = 'of:' || $1)
        OR EXISTS (SELECT 1 FROM outbox WHERE topic = 'notify' AND (
            payload @> jsonb_build_array(jsonb_build_object('user', $1))
            OR payload @> jsonb_build_array(jsonb_build_object('owner', $1))))
    """
