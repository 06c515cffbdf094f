import CoreMetrics
import Metrics
import PostgresLibpq
import Primitives
public import Wire

/// Stores comments by group commit: one multi-row statement for all that wait, one answer for each.
extension PostgresCommentStore: GroupCommit {
    struct Waiting: Sendable {
        let row: CommentRow
        let since: ContinuousClock.Instant
        let answer: @Sendable (Result<Void, StorageError>) -> Void
    }

    public func submit(_ comment: Comment, then done: @escaping @Sendable (Result<Void, StorageError>) -> Void) {
        let answer: @Sendable (Result<Void, StorageError>) -> Void = { [metrics] result in
            if case .failure(let error) = result { metrics.refused(error.code) } else { metrics.stored.increment() }
            done(result)
        }
        do throws(StorageError) {
            let waiting = Waiting(row: try CommentRow(comment), since: .now, answer: answer)
            switch withQueue({ $0.append(waiting) }) {
            case .waits: break
            case .startWorker: startWorker()
            case .refused: throw StorageError(.overloaded, "too many comments wait")
            }
        } catch {
            answer(.failure(error))
        }
    }

    /// Answers those who have waited too long without being sent.
    func refuseLate() {
        let oldest = ContinuousClock.now - settings.waitMax
        let late = withQueue { queue in queue.removeFirst { $0.since < oldest } }
        answer(late[...], StorageError(.timeout, "PostgreSQL is too slow"))
    }

    /// The next worker would not have a session either: nobody is kept waiting.
    func workerFailed(_ error: PostgresError) {
        let waiting = withQueue { queue in
            queue.workerEnded()
            return queue.removeAll()
        }
        answer(waiting[...], StorageError(error))
    }

    func write(_ batch: [Waiting], _ connection: PostgresConnection) {
        insert(batch[...], connection, attemptsLeft: 3)
    }

    /// A row that breaks a constraint fails its whole statement; halving finds it in log₂ steps, and its neighbours
    /// are stored without it.
    private func insert(_ batch: ArraySlice<Waiting>, _ connection: PostgresConnection, attemptsLeft: Int) {
        do throws(PostgresError) {
            let stored = try send(batch, connection)
            let (refusals, again) = try refusals(batch, stored, connection)
            answer(batch.filter { waiting in !again.contains(waiting.row.comment.id) }, stored: stored, refusals)
            let more = batch.filter { again.contains($0.row.comment.id) }
            guard !more.isEmpty else { return }
            guard attemptsLeft > 1 else {
                return answer(more[...], StorageError(.overloaded, "what stands in the way changes all the time"))
            }
            insert(more[...], connection, attemptsLeft: attemptsLeft - 1)
        } catch {
            switch error.code {
            case .constraint, .invalidValue:
                guard batch.count > 1 else { return answer(batch, StorageError(error)) }
                let middle = batch.startIndex + batch.count / 2
                insert(batch[..<middle], connection, attemptsLeft: attemptsLeft)
                insert(batch[middle...], connection, attemptsLeft: attemptsLeft)
            case .serialization where attemptsLeft > 1:
                insert(batch, connection, attemptsLeft: attemptsLeft - 1)
            default:
                answer(batch, StorageError(error))
            }
        }
    }

    private func send(_ batch: ArraySlice<Waiting>, _ connection: PostgresConnection) throws(PostgresError)
        -> [String: Bool]
    {
        let start = ContinuousClock.now
        let stored = try connection.query(insertStatement, values(batch)) {
            row throws(PostgresError) in (try row.text(0), try row.boolean(1))
        }
        metrics.batches.increment()
        metrics.batchRows.record(batch.count)
        metrics.batchTime.record(duration: ContinuousClock.now - start)
        return Dictionary(stored) { first, _ in first }
    }

    private func values(_ batch: ArraySlice<Waiting>) -> [PostgresValue] {
        [
            .texts(batch.map(\.row.comment.id)), .texts(batch.map(\.row.comment.videoid)),
            .texts(batch.map(\.row.comment.userid)), .texts(batch.map(\.row.comment.comment)),
            .timestamps(batch.map(\.row.createdAt)), .texts(batch.map(\.row.channel)),
            .texts(batch.map { $0.row.comment.parent ?? "" }),
        ]
    }

    /// Why comments on posts were not stored, by their ids; nothing of those that are there already.
    ///
    /// - Returns: `again`: those that nothing stands in the way of any more, as what did was changed meanwhile.
    private func refusals(
        _ batch: ArraySlice<Waiting>, _ stored: [String: Bool], _ connection: PostgresConnection
    ) throws(PostgresError) -> (reasons: [String: String], again: Set<String>) {
        var reasons: [String: String] = [:]
        var again: Set<String> = []
        for row in batch.lazy.map(\.row) where row.comment.kind == .post && stored[row.comment.id] == nil {
            let comment = row.comment
            let found = try connection.query(
                refusalStatement,
                [.text(comment.userid), .text(comment.videoid), .text(comment.parent ?? ""), .text(comment.id)]
            ) { row throws(PostgresError) in try row.optionalText(0) }
            switch found.first {
            case let reason??: reasons[comment.id] = reason
            case .some(nil): again.insert(comment.id)
            case nil: break
            }
        }
        return (reasons, again)
    }

    /// - Parameter stored: whether each is held.
    ///
    /// An id comes back once, also when two rows of the batch share it: the second is the duplicate.
    private func answer(_ batch: [Waiting], stored: [String: Bool], _ refusals: [String: String]) {
        var stored = stored
        for waiting in batch {
            let id = waiting.row.comment.id
            if let isHeld = stored.removeValue(forKey: id) {
                waiting.answer(isHeld ? .failure(.held) : .success(()))
            } else if let reason = refusals[id] {
                waiting.answer(.failure(StorageError(.refused, reason)))
            } else {
                waiting.answer(.failure(StorageError(.duplicate, "the id is stored already")))
            }
        }
    }

    private func answer(_ batch: ArraySlice<Waiting>, _ error: StorageError) {
        for waiting in batch { waiting.answer(.failure(error)) }
    }
}

// The rows of posts' counts are locked in order, so that no two batches wait for each other.
private let insertStatement: PostgresStatement = """
    WITH stored AS (
        INSERT INTO comments (id, video_id, user_id, comment, created_at, channel, parent_id)
        SELECT id, video_id, user_id, comment, created_at, channel, nullif(parent, '')
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[])
            AS sent (id, video_id, user_id, comment, created_at, channel, parent)
        WHERE channel NOT LIKE 'post:%'
            OR (SELECT why FROM comment_refusals(user_id, video_id, parent) AS why) IS NULL
        ON CONFLICT (id) DO NOTHING
        RETURNING id, video_id, user_id, created_at, channel, held_at IS NOT NULL AS is_held
    ), counted AS (
        INSERT INTO post_counts AS held (post_id, comments)
        SELECT video_id, count(*) FROM stored WHERE channel LIKE 'post:%' AND NOT is_held GROUP BY video_id ORDER BY video_id
        ON CONFLICT (post_id) DO UPDATE SET comments = held.comments + excluded.comments
    ), queued AS (
        INSERT INTO outbox (topic, payload)
        SELECT 'notify', jsonb_agg(jsonb_build_object(
            'type', 'comment', 'comment', id, 'post', video_id, 'user', user_id,
            'at', (extract(epoch FROM created_at) * 1000000)::bigint))
        FROM stored WHERE channel LIKE 'post:%' AND NOT is_held
        HAVING count(*) > 0 AND outbox_has_room('notify')
    )
    SELECT id, is_held FROM stored
    """

private let refusalStatement: PostgresStatement = """
    SELECT comment_refusal($1, $2, $3) WHERE NOT EXISTS (SELECT 1 FROM comments WHERE id = $4)
    """
