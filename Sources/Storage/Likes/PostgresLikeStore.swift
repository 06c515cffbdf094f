import CoreMetrics
public import PostgresLibpq
import Wire

/// Likes in PostgreSQL.
public final class PostgresLikeStore: LikeStore {
    let pool: PostgresPool
    private let statementRowsMax: Int
    private let outboxMax: Int
    private let metrics = StorageMetrics()

    /// - Parameters:
    ///   - pool: started and stopped by the caller; the schema is there (``Migrator``).
    ///   - statementRowsMax: rows of one statement, 1 to 20,000: more rows cost less each, and hold locks longer.
    ///   - outboxMax: batches that may wait in the outbox; beyond, likes are stored and their owners are not notified.
    public init(pool: PostgresPool, statementRowsMax: Int = 5000, outboxMax: Int = 100_000) {
        self.pool = pool
        self.statementRowsMax = min(max(statementRowsMax, 1), 20_000)
        self.outboxMax = outboxMax
    }

    public func apply(_ changes: [LikeChange]) async throws(StorageError) -> LikeBatchOutcome {
        let batch = LikeBatch(changes)
        let rows = batch.rows()
        var outcome = LikeBatchOutcome(ignored: batch.overtaken, refused: batch.refused)
        var start = 0
        while start < rows.count {
            let end = min(rows.count, start + statementRowsMax)
            let applied = try await applyAgain(rows[start..<end])
            outcome.changed += applied.changed
            outcome.ignored += end - start - applied.changed
            outcome.counts.merge(applied.counts) { $1 }
            outcome.notificationsSkipped += applied.notificationsSkipped
            start = end
        }
        metrics.likesChanged.increment(by: outcome.changed)
        metrics.likesIgnored.increment(by: outcome.ignored)
        return outcome
    }

    /// Batches lock in the same order, yet purging and recounting may cross them: a deadlock's victim tries again.
    private func applyAgain(_ rows: ArraySlice<LikeRow>) async throws(StorageError) -> LikeBatchOutcome {
        let values = LikeStatement.values(rows, outboxMax: outboxMax)
        return try await pool.session { connection in
            var attemptsLeft = 3
            while true {
                do throws(PostgresError) {
                    return try LikeStatement.run(values, connection)
                } catch {
                    attemptsLeft -= 1
                    guard error.code == .serialization, attemptsLeft > 0 else { throw error }
                }
            }
        }
    }

    // MARK: Photos

    public func register(photo: String, owner: String) async throws(StorageError) -> String {
        guard Identifier.isValid(photo), Identifier.isValid(owner) else {
            throw StorageError(.invalid, "the photo's id or its owner is invalid")
        }
        return try await pool.session { connection in
            let owners = try connection.query(registerStatement, [.text(photo), .text(owner)]) {
                row throws(PostgresError) in try row.text(0)
            }
            return owners.first ?? owner
        }
    }

    /// The lock comes first and the count has a snapshot of its own: a batch that has moved the count is committed and
    /// counted, one that has not waits for the lock and moves the corrected count.
    public func recount(photo: String) async throws(StorageError) -> CountRepair {
        guard Identifier.isValid(photo) else { throw StorageError(.invalid, "the photo's id is invalid") }
        return try await pool.session { connection in
            try connection.transaction(timeout: .seconds(120)) { connection in
                let before = try connection.query(lockStatement, [.text(photo)]) {
                    row throws(PostgresError) in try row.bigint(0)
                }
                let after = try connection.query(correctStatement, [.text(photo)]) {
                    row throws(PostgresError) in try row.bigint(0)
                }
                return CountRepair(before: before.first ?? 0, after: after.first ?? 0)
            }
        }
    }

    public func purgeTombstones(olderThan age: Duration, limit: Int) async throws(StorageError) -> Int {
        let limit = min(max(limit, 1), 100_000)
        return try await pool.session { connection in
            try connection.execute(purgeStatement, [.bigint(age.microseconds), .bigint(Int64(limit))])
        }
    }

    // MARK: Reading

    public func counts(of photos: [String]) async throws(StorageError) -> [String: Int64] {
        let photos = photos.filter { Identifier.isValid($0) }
        return try await pool.session { connection in
            let rows = try connection.query(
                "SELECT photo_id, like_count FROM photos WHERE photo_id = ANY($1::text[])", [.texts(photos)]
            ) { row throws(PostgresError) in (try row.text(0), try row.bigint(1)) }
            return Dictionary(rows) { first, _ in first }
        }
    }

    public func isLiked(photo: String, by user: String) async throws(StorageError) -> Bool {
        guard Identifier.isValid(photo), Identifier.isValid(user) else { return false }
        return try await pool.session { connection in
            try !connection.query(
                "SELECT 1 FROM likes WHERE photo_id = $1 AND slot = $2::bigint::smallint AND user_id = $3 AND liked",
                [.text(photo), .bigint(Int64(UserSlot.slot(of: user))), .text(user)]
            ).isEmpty
        }
    }

    public func likers(
        of photo: String, before: LikersCursor?, limit: Int
    ) async throws(StorageError) -> Page<Liker, LikersCursor> {
        guard Identifier.isValid(photo) else { return Page() }
        let limit = min(max(limit, 1), 1000)
        let cursor = before ?? LikersCursor(at: TimestampRange.all.upperBound + 1, user: "")
        return try await pool.session { connection in
            let rows = try connection.query(
                likersStatement, [.text(photo), .timestamp(cursor.at), .text(cursor.user), .bigint(Int64(limit) + 1)]
            ) { row throws(PostgresError) in Liker(user: try row.text(0), at: try row.timestamp(1)) }
            return Page(rows, limit: limit) { LikersCursor(at: $0.at, user: $0.user) }
        }
    }

    public func members(
        of photo: String, in slots: Range<Int16>, after: LikeMember?, limit: Int
    ) async throws(StorageError) -> Page<LikeMember, LikeMember> {
        guard Identifier.isValid(photo), !slots.isEmpty else { return Page() }
        let limit = min(max(limit, 1), 50_000)
        // No id is empty, so this stands before the first of the slots.
        let cursor = after ?? LikeMember(slot: slots.lowerBound, user: "")
        return try await pool.session { connection in
            let rows = try connection.query(
                membersStatement,
                [
                    .text(photo), .bigint(Int64(cursor.slot)), .text(cursor.user), .bigint(Int64(slots.upperBound)),
                    .bigint(Int64(limit) + 1),
                ]
            ) { row throws(PostgresError) in LikeMember(slot: try row.smallint(0), user: try row.text(1)) }
            return Page(rows, limit: limit) { $0 }
        }
    }

    public func count(of photo: String, in slots: Range<Int16>) async throws(StorageError) -> Int64 {
        try await number(
            """
            SELECT count(*) FROM likes
            WHERE photo_id = $1 AND slot >= $2::bigint::smallint AND slot < $3::bigint::int AND liked
            """, photo, slots)
    }

    public func newestVersion(of photo: String, in slots: Range<Int16>) async throws(StorageError) -> Int64 {
        try await number(
            """
            SELECT coalesce(max(version), 0) FROM likes
            WHERE photo_id = $1 AND slot >= $2::bigint::smallint AND slot < $3::bigint::int
            """, photo, slots)
    }

    private func number(
        _ statement: PostgresStatement, _ photo: String, _ slots: Range<Int16>
    ) async throws(StorageError) -> Int64 {
        guard Identifier.isValid(photo), !slots.isEmpty else { return 0 }
        return try await pool.session { connection in
            try connection.query(
                statement, [.text(photo), .bigint(Int64(slots.lowerBound)), .bigint(Int64(slots.upperBound))]
            ) { row throws(PostgresError) in try row.bigint(0) }.first ?? 0
        }
    }

    public func photos(after: String?, limit: Int) async throws(StorageError) -> [PhotoCount] {
        let limit = min(max(limit, 1), 10_000)
        guard after?.utf8.contains(0) != true else { return [] }
        return try await pool.session { connection in
            try connection.query(
                "SELECT photo_id, like_count FROM photos WHERE photo_id > $1 ORDER BY photo_id LIMIT $2",
                [.text(after ?? ""), .bigint(Int64(limit))]
            ) { row throws(PostgresError) in PhotoCount(photo: try row.text(0), count: try row.bigint(1)) }
        }
    }
}

private let registerStatement: PostgresStatement = """
    INSERT INTO photos AS held (photo_id, owner_id) VALUES ($1, $2)
    ON CONFLICT (photo_id) DO UPDATE SET owner_id = coalesce(held.owner_id, excluded.owner_id)
    RETURNING owner_id
    """

private let lockStatement: PostgresStatement = """
    INSERT INTO photos AS held (photo_id) VALUES ($1)
    ON CONFLICT (photo_id) DO UPDATE SET like_count = held.like_count RETURNING like_count
    """

private let correctStatement: PostgresStatement = """
    UPDATE photos SET like_count = (SELECT count(*) FROM likes WHERE photo_id = $1 AND liked)
    WHERE photo_id = $1 RETURNING like_count
    """

// A row that is liked again between choosing and deleting has changed, and is kept.
private let purgeStatement: PostgresStatement = """
    DELETE FROM likes WHERE NOT liked AND ctid = ANY(ARRAY(
        SELECT ctid FROM likes WHERE NOT liked AND liked_at < now() - $1 * interval '1 microsecond'
        ORDER BY liked_at LIMIT $2 FOR UPDATE SKIP LOCKED))
    """

private let likersStatement: PostgresStatement = """
    SELECT user_id, liked_at FROM likes
    WHERE photo_id = $1 AND liked AND (liked_at, user_id) < ($2, $3)
    ORDER BY liked_at DESC, user_id DESC LIMIT $4
    """

private let membersStatement: PostgresStatement = """
    SELECT slot, user_id FROM likes
    WHERE photo_id = $1 AND (slot, user_id) > ($2::bigint::smallint, $3) AND slot < $4::bigint::int AND liked
    ORDER BY slot, user_id LIMIT $5
    """
