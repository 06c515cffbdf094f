import CoreMetrics
public import PostgresLibpq
import Wire

import struct Synchronization.Atomic

/// Likes in PostgreSQL.
public final class PostgresLikeStore: LikeStore {
    let pool: PostgresPool
    private let partitions: Int
    private let statementRowsMax: Int
    /// Rows of the next statement: fewer while larger ones take too long.
    private let statementRows: Atomic<Int>
    private let outboxMax: Int
    private let metrics = StorageMetrics()

    /// - Parameters:
    ///   - pool: started and stopped by the caller; the schema is there (``Migrator``).
    ///   - partitions: of the users, for each of which the newest version is kept: with fewer than ``newestVersions``
    ///     is asked for, some of them are not found. Each costs a row of a batch.
    ///   - statementRowsMax: rows of one statement, 1 to 20,000: more rows cost less each, and hold locks longer.
    ///   - outboxMax: batches that may wait in the outbox; beyond, likes are stored and their owners are not notified.
    public init(
        pool: PostgresPool, partitions: Int = UserSlot.count, statementRowsMax: Int = 5000, outboxMax: Int = 100_000
    ) {
        self.pool = pool
        self.partitions = partitions
        self.statementRowsMax = min(max(statementRowsMax, 1), 20_000)
        statementRows = Atomic(self.statementRowsMax)
        self.outboxMax = outboxMax
    }

    public func apply(_ changes: [LikeChange]) async throws(StorageError) -> LikeBatchOutcome {
        let batch = LikeBatch(changes)
        let rows = batch.rows()
        var outcome = LikeBatchOutcome(ignored: batch.overtaken, refused: batch.refused)
        var start = 0
        while start < rows.count {
            let end = min(rows.count, start + statementRows.load(ordering: .relaxed))
            guard let applied = try await applyAgain(rows[start..<end]) else {
                // The same again would take as long.
                statementRows.store(max(1, (end - start) / 2), ordering: .relaxed)
                continue
            }
            if end - start >= statementRows.load(ordering: .relaxed) {
                let more = end - start + max(1, statementRowsMax / 16)
                statementRows.store(min(more, statementRowsMax), ordering: .relaxed)
            }
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
    ///
    /// - Returns: `nil` when the statement took longer than one may, and fewer rows might not.
    private func applyAgain(_ rows: ArraySlice<LikeRow>) async throws(StorageError) -> LikeBatchOutcome? {
        let values = LikeStatement.values(rows, partitions: partitions, outboxMax: outboxMax)
        return try await pool.session { connection in
            var attemptsLeft = 3
            while true {
                do throws(PostgresError) {
                    return try LikeStatement.run(values, connection)
                } catch {
                    if error.code == .timeout, rows.count > 1 { return nil }
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

    public func liked(_ keys: [LikeKey]) async throws(StorageError) -> Set<LikeKey> {
        let keys = keys.filter { Identifier.isValid($0.photo) && Identifier.isValid($0.user) }
        return try await pool.session { connection in
            let rows = try connection.query(
                likedStatement,
                [
                    .texts(keys.map(\.photo)), .smallints(keys.map { UserSlot.slot(of: $0.user) }),
                    .texts(keys.map(\.user)),
                ]
            ) { row throws(PostgresError) in LikeKey(photo: try row.text(0), user: try row.text(1)) }
            return Set(rows)
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

    public func counts(in ranges: [LikeRange]) async throws(StorageError) -> [Int64] {
        var counts: [Int64] = []
        for start in stride(from: 0, to: ranges.count, by: Self.rangesMax) {
            let some = ranges[start..<min(start + Self.rangesMax, ranges.count)]
            let values: [PostgresValue] = [
                .texts(some.map { Identifier.isValid($0.photo) ? $0.photo : "" }),
                .bigints(some.map { Int64($0.slots.lowerBound) }), .bigints(some.map { Int64($0.slots.upperBound) }),
            ]
            counts += try await pool.session { connection in
                try connection.query(countsStatement, values) { row throws(PostgresError) in try row.bigint(0) }
            }
        }
        return counts
    }

    /// Ranges of one statement: each may have some hundred thousand likes.
    private static let rangesMax = 64

    public func newestVersion(of photo: String, in slots: Range<Int16>) async throws(StorageError) -> Int64 {
        guard Identifier.isValid(photo), !slots.isEmpty else { return 0 }
        return try await pool.session { connection in
            try connection.query(
                newestStatement, [.text(photo), .bigint(Int64(slots.lowerBound)), .bigint(Int64(slots.upperBound))]
            ) { row throws(PostgresError) in try row.bigint(0) }.first ?? 0
        }
    }

    public func newestVersions(partitions: Int) async throws(StorageError) -> [Int64] {
        try await pool.session { connection in
            var newest = [Int64](repeating: 0, count: max(1, partitions))
            let rows = try connection.query("SELECT slot, version FROM like_versions") { row throws(PostgresError) in
                (slot: try row.smallint(0), version: try row.bigint(1))
            }
            for row in rows {
                let partition = UserSlot.partition(of: row.slot, partitions: partitions)
                newest[partition] = max(newest[partition], row.version)
            }
            return newest
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

private let likedStatement: PostgresStatement = """
    SELECT photo_id, user_id FROM unnest($1::text[], $2::smallint[], $3::text[]) AS wanted (photo_id, slot, user_id)
    JOIN likes USING (photo_id, slot, user_id) WHERE liked
    """

private let countsStatement: PostgresStatement = """
    SELECT (SELECT count(*) FROM likes
        WHERE photo_id = wanted.photo_id AND slot >= low::smallint AND slot < high::int AND liked)
    FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS wanted (photo_id, low, high, place)
    ORDER BY place
    """

private let newestStatement: PostgresStatement = """
    SELECT coalesce(max(version), 0) FROM likes
    WHERE photo_id = $1 AND slot >= $2::bigint::smallint AND slot < $3::bigint::int
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
