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
            answer(batch, stored: try send(batch, connection))
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
        ]
    }

    /// - Parameter stored: whether each is held.
    ///
    /// An id comes back once, also when two rows of the batch share it: the second is the duplicate.
    private func answer(_ batch: ArraySlice<Waiting>, stored: [String: Bool]) {
        var stored = stored
        for waiting in batch {
            switch stored.removeValue(forKey: waiting.row.comment.id) {
            case false: waiting.answer(.success(()))
            case true: waiting.answer(.failure(.held))
            case nil: waiting.answer(.failure(StorageError(.duplicate, "the id is stored already")))
            }
        }
    }

    private func answer(_ batch: ArraySlice<Waiting>, _ error: StorageError) {
        for waiting in batch { waiting.answer(.failure(error)) }
    }
}

private let insertStatement: PostgresStatement = """
    INSERT INTO comments (id, video_id, user_id, comment, created_at, channel)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
    ON CONFLICT (id) DO NOTHING
    RETURNING id, held_at IS NOT NULL
    """
