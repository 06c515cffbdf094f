import PostgresLibpq

/// The statement that applies a batch, rows and counts at once.
///
/// A row changes only when the new version wins, under that row's lock; it then remembers what it was, so that
/// `RETURNING` gives the exact difference. The counts' rows are locked last and in order: batches on one hot photo
/// wait for each other for the end of a statement only.
enum LikeStatement {
    static func values(_ rows: ArraySlice<LikeRow>) -> [PostgresValue] {
        [
            .texts(rows.map(\.change.photo)), .smallints(rows.map(\.slot)), .texts(rows.map(\.change.user)),
            .booleans(rows.map(\.change.liked)), .bigints(rows.map(\.change.version)),
            .timestamps(rows.map(\.change.at)),
        ]
    }

    static func run(
        _ values: [PostgresValue], _ connection: PostgresConnection
    ) throws(PostgresError) -> LikeBatchOutcome {
        var outcome = LikeBatchOutcome()
        for row in try connection.query(apply, values) {
            let number = try row.bigint(1)
            if let photo = try row.optionalText(0) {
                outcome.counts[photo] = number
            } else {
                outcome.changed = Int(number)
            }
        }
        return outcome
    }

    private static let apply: PostgresStatement = """
        WITH changed AS (
            INSERT INTO likes AS held (photo_id, slot, user_id, liked, version, liked_at)
            SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::boolean[], $5::bigint[], $6::timestamptz[])
            ON CONFLICT (photo_id, slot, user_id) DO UPDATE
            SET liked = excluded.liked, was_liked = held.liked, version = excluded.version, liked_at = excluded.liked_at
            WHERE (excluded.version, excluded.liked) > (held.version, held.liked)
            RETURNING photo_id, liked, was_liked
        ), delta AS (
            SELECT photo_id, sum(liked::int - was_liked::int) AS likes FROM changed GROUP BY photo_id
        ), moved AS (
            INSERT INTO photos AS held (photo_id, like_count)
            SELECT photo_id, likes FROM delta WHERE likes <> 0 ORDER BY photo_id
            ON CONFLICT (photo_id) DO UPDATE SET like_count = held.like_count + excluded.like_count
            RETURNING photo_id, like_count
        )
        SELECT photo_id, like_count FROM moved
        UNION ALL SELECT NULL, count(*) FROM changed
        """
}
