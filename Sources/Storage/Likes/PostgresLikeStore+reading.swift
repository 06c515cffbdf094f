import PostgresLibpq
import Wire

extension PostgresLikeStore {
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

    public func likers(of photo: String, before: LikersCursor?, limit: Int) async throws(StorageError) -> LikersPage {
        guard Identifier.isValid(photo) else { return LikersPage(likers: [], next: nil) }
        let limit = min(max(limit, 1), 1000)
        let cursor = before ?? LikersCursor(at: TimestampRange.all.upperBound + 1, user: "")
        return try await pool.session { connection in
            let rows = try connection.query(
                likersStatement, [.text(photo), .timestamp(cursor.at), .text(cursor.user), .bigint(Int64(limit) + 1)]
            ) { row throws(PostgresError) in Liker(user: try row.text(0), at: try row.timestamp(1)) }
            let page = Array(rows.prefix(limit))
            let next = page.last.map { LikersCursor(at: $0.at, user: $0.user) }
            return LikersPage(likers: page, next: rows.count > limit ? next : nil)
        }
    }

    public func members(
        of photo: String, in slots: Range<Int16>, after: MembersCursor?, limit: Int
    ) async throws(StorageError) -> MembersPage {
        guard Identifier.isValid(photo), !slots.isEmpty else { return MembersPage(users: [], next: nil) }
        let limit = min(max(limit, 1), 50_000)
        // No id is empty, so this stands before the first of the slots.
        let cursor = after ?? MembersCursor(slot: slots.lowerBound, user: "")
        return try await pool.session { connection in
            let rows = try connection.query(
                membersStatement,
                [
                    .text(photo), .bigint(Int64(cursor.slot)), .text(cursor.user), .bigint(Int64(slots.upperBound)),
                    .bigint(Int64(limit) + 1),
                ]
            ) { row throws(PostgresError) in MembersCursor(slot: try row.smallint(0), user: try row.text(1)) }
            let page = rows.prefix(limit)
            return MembersPage(users: page.map(\.user), next: rows.count > limit ? page.last : nil)
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
