import PostgresLibpq
import Wire

extension PostgresLikeStore {
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
                let before = try Self.lockedCount(photo, connection) ?? Self.insertedCount(photo, connection)
                let after = try connection.query(correctStatement, [.text(photo)]) {
                    row throws(PostgresError) in try row.bigint(0)
                }
                return CountRepair(before: before, after: after.first ?? 0)
            }
        }
    }

    private static func lockedCount(
        _ photo: String, _ connection: PostgresConnection
    ) throws(PostgresError) -> Int64? {
        try connection.query("SELECT like_count FROM photos WHERE photo_id = $1 FOR UPDATE", [.text(photo)]) {
            row throws(PostgresError) in try row.bigint(0)
        }.first
    }

    private static func insertedCount(
        _ photo: String, _ connection: PostgresConnection
    ) throws(PostgresError) -> Int64 {
        try connection.execute(
            "INSERT INTO photos (photo_id) VALUES ($1) ON CONFLICT (photo_id) DO NOTHING", [.text(photo)])
        return try lockedCount(photo, connection) ?? 0
    }

    public func purgeTombstones(olderThan age: Duration, limit: Int) async throws(StorageError) -> Int {
        let limit = min(max(limit, 1), 100_000)
        return try await pool.session { connection in
            try connection.execute(purgeStatement, [.bigint(age.microseconds), .bigint(Int64(limit))])
        }
    }
}

private let registerStatement: PostgresStatement = """
    INSERT INTO photos AS held (photo_id, owner_id) VALUES ($1, $2)
    ON CONFLICT (photo_id) DO UPDATE SET owner_id = coalesce(held.owner_id, excluded.owner_id)
    RETURNING owner_id
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
