import CoreMetrics
import Metrics
import PostgresLibpq
import Synchronization
import Wire

/// Stores comments by group commit: one multi-row statement for everybody who waits, one answer for each.
final class CommentWriter: Flight {
    typealias Answer = @Sendable (Result<Void, StorageError>) -> Void

    struct Waiting: Sendable {
        let row: CommentRow
        let since: ContinuousClock.Instant
        let answer: Answer
    }

    let pool: PostgresPool
    let gather: Duration
    private let waitMax: Duration
    private let metrics: StorageMetrics
    private let state: Mutex<GroupCommit<Waiting>>

    init(pool: PostgresPool, settings: CommentStoreSettings, metrics: StorageMetrics) {
        self.pool = pool
        self.metrics = metrics
        gather = settings.gather
        waitMax = settings.waitMax
        state = Mutex(
            GroupCommit(
                limits: .init(
                    waitingMax: settings.waitingMax, batchMax: settings.batchMax, flightsMax: settings.flightsMax)))
    }

    func submit(_ comment: Comment, then done: @escaping Answer) {
        do throws(StorageError) {
            wait(Waiting(row: try CommentRow(comment), since: .now, answer: counted(done)))
        } catch {
            counted(done)(.failure(error))
        }
    }

    private func counted(_ done: @escaping Answer) -> Answer {
        { [metrics] result in
            if case .failure(let error) = result { metrics.refused(error.code) } else { metrics.stored.increment() }
            done(result)
        }
    }

    private func wait(_ waiting: Waiting) {
        switch withState({ $0.arrived(waiting) }) {
        case .waits: break
        case .startFlight: takeOff()
        case .refused: waiting.answer(.failure(StorageError(.overloaded, "too many comments wait")))
        }
    }

    /// Answers those who have waited too long without being sent.
    func refuseLate(at now: ContinuousClock.Instant) {
        let oldest = now - waitMax
        let late = withState { state in state.removeLate { $0.since < oldest } }
        let error = StorageError(.timeout, "the record is too slow")
        for waiting in late { waiting.answer(.failure(error)) }
    }

    func withState<T: Sendable>(_ body: (inout sending GroupCommit<Waiting>) -> sending T) -> T {
        state.withLock(body)
    }

    func fail(_ error: PostgresError) {
        let error = StorageError(error)
        for waiting in withState({ $0.aborted() }) { waiting.answer(.failure(error)) }
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

    private func send(_ batch: ArraySlice<Waiting>, _ connection: PostgresConnection) throws(PostgresError) -> [String]
    {
        let start = ContinuousClock.now
        let stored = try connection.query(insertStatement, values(batch)) { row throws(PostgresError) in try row.text(0)
        }
        metrics.batches.increment()
        metrics.batchRows.record(batch.count)
        metrics.batchTime.record(duration: ContinuousClock.now - start)
        return stored
    }

    private func values(_ batch: ArraySlice<Waiting>) -> [PostgresValue] {
        [
            .texts(batch.map(\.row.comment.id)), .texts(batch.map(\.row.comment.videoid)),
            .texts(batch.map(\.row.comment.userid)), .texts(batch.map(\.row.comment.comment)),
            .timestamps(batch.map(\.row.createdAt)), .texts(batch.map(\.row.channel)),
        ]
    }

    /// An id comes back once, also when two rows of the batch share it: the second is the duplicate.
    private func answer(_ batch: ArraySlice<Waiting>, stored: [String]) {
        var stored = Set(stored)
        for waiting in batch {
            let isStored = stored.remove(waiting.row.comment.id) != nil
            waiting.answer(isStored ? .success(()) : .failure(StorageError(.duplicate, "the id is stored already")))
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
    RETURNING id
    """
