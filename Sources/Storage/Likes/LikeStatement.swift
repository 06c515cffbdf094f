import PostgresLibpq

/// The statement that applies a batch: rows, counts and the outbox row at once.
///
/// A row changes only when the new version wins, under that row's lock; it then remembers what it was, so that
/// `RETURNING` gives the exact difference. The counts' rows are locked last and in order: batches on one hot photo
/// wait for each other for the end of a statement only. One row goes into the outbox for all likes of the batch whose
/// photo has an owner. A repeated batch changes nothing, so that it notifies nobody twice. The newest version of each
/// partition of the users is kept at the slot of its user.
enum LikeStatement {
    /// - Parameters:
    ///   - partitions: of the users, for each of which the newest version is kept.
    ///   - outboxMax: rows that may wait in the outbox; when so many do, no more are added.
    static func values(_ rows: ArraySlice<LikeRow>, partitions: Int, outboxMax: Int) -> [PostgresValue] {
        let newest = newest(rows, partitions: partitions)
        return [
            .texts(rows.map(\.change.photo)), .smallints(rows.map(\.slot)), .texts(rows.map(\.change.user)),
            .booleans(rows.map(\.change.liked)), .bigints(rows.map(\.change.version)),
            .timestamps(rows.map(\.change.at)), .texts(Array(Set(rows.map(\.change.photo)))),
            .bigint(Int64(outboxMax)), .text(OutboxTopic.notify.rawValue), .smallints(newest.map(\.slot)),
            .bigints(newest.map(\.change.version)),
        ]
    }

    /// The newest change of each partition, in the order of slots.
    private static func newest(_ rows: ArraySlice<LikeRow>, partitions: Int) -> [LikeRow] {
        var newest: [Int: LikeRow] = [:]
        for row in rows {
            let partition = UserSlot.partition(of: row.slot, partitions: partitions)
            if let held = newest[partition], held.change.version >= row.change.version { continue }
            newest[partition] = row
        }
        return newest.values.sorted { $0.slot < $1.slot }
    }

    static func run(
        _ values: [PostgresValue], _ connection: PostgresConnection
    ) throws(PostgresError) -> LikeBatchOutcome {
        var outcome = LikeBatchOutcome()
        for row in try connection.query(apply, values) {
            let number = try row.bigint(1)
            switch try row.optionalText(0) {
            case nil: outcome.changed = Int(number)
            // No photo's id is empty.
            case "": outcome.notificationsSkipped = Int(number)
            case let photo?: outcome.counts[photo] = number
            }
        }
        return outcome
    }

    // `owned` asks for the distinct photos by array: an index lookup each, whatever the planner thinks of `changed`.
    private static let apply: PostgresStatement = """
        WITH changed AS (
            INSERT INTO likes AS held (photo_id, slot, user_id, liked, version, liked_at)
            SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::boolean[], $5::bigint[], $6::timestamptz[])
            ON CONFLICT (photo_id, slot, user_id) DO UPDATE
            SET liked = excluded.liked, was_liked = held.liked, version = excluded.version, liked_at = excluded.liked_at
            WHERE (excluded.version, excluded.liked) > (held.version, held.liked)
            RETURNING photo_id, user_id, liked, was_liked, liked_at
        ), delta AS (
            SELECT photo_id, sum(liked::int - was_liked::int) AS likes FROM changed GROUP BY photo_id
        ), moved AS (
            INSERT INTO photos AS held (photo_id, like_count)
            SELECT photo_id, likes FROM delta WHERE likes <> 0 ORDER BY photo_id
            ON CONFLICT (photo_id) DO UPDATE SET like_count = held.like_count + excluded.like_count
            RETURNING photo_id, like_count
        ), owned AS MATERIALIZED (
            SELECT photo_id, owner_id FROM photos WHERE photo_id = ANY($7::text[]) AND owner_id IS NOT NULL
        ), event AS MATERIALIZED (
            SELECT photo_id, owner_id, user_id, (extract(epoch FROM liked_at) * 1000000)::bigint AS at
            FROM changed JOIN owned USING (photo_id) WHERE liked AND user_id <> owner_id
        ), queued AS (
            INSERT INTO outbox (topic, payload)
            SELECT $9, jsonb_agg(jsonb_build_object(
                'type', 'like', 'photo', photo_id, 'owner', owner_id, 'user', user_id, 'at', at))
            FROM event
            HAVING count(*) > 0 AND $8 > (SELECT count(*) FROM (
                SELECT FROM outbox WHERE topic = $9 AND available_at < 'infinity' LIMIT $8) AS waiting)
            RETURNING id
        ), versions AS (
            INSERT INTO like_versions AS held (slot, version)
            SELECT * FROM unnest($10::smallint[], $11::bigint[])
            ON CONFLICT (slot) DO UPDATE SET version = excluded.version WHERE excluded.version > held.version
        )
        SELECT photo_id, like_count FROM moved
        UNION ALL SELECT NULL, count(*) FROM changed
        UNION ALL SELECT '', count(*) FROM event WHERE NOT EXISTS (SELECT FROM queued)
        """
}
