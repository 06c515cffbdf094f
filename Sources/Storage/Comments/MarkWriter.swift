import CoreMetrics
import PostgresLibpq
import Synchronization
import Wire

/// Writes the places of published comments behind the writers' backs: bounded, in batches.
final class MarkWriter: Flight {
    let pool: PostgresPool
    let gather: Duration = .zero
    private let metrics: StorageMetrics
    private let state: Mutex<GroupCommit<PublishedMark>>

    init(pool: PostgresPool, settings: CommentStoreSettings, metrics: StorageMetrics) {
        self.pool = pool
        self.metrics = metrics
        let batchMax = settings.batchMax
        state = Mutex(
            GroupCommit(limits: .init(waitingMax: settings.marksMax, batchMax: batchMax, startAt: batchMax)))
    }

    var count: Int { withState { $0.waiting.count } }

    func add(_ marks: [PublishedMark]) {
        let (start, dropped) = withState { state in
            var (start, dropped) = (false, 0)
            for mark in marks {
                switch state.arrived(mark) {
                case .waits: break
                case .startFlight: start = true
                case .refused: dropped += 1
                }
            }
            return (start, dropped)
        }
        if dropped > 0 { metrics.marksDropped.increment(by: dropped) }
        if start { takeOff() }
    }

    /// Sends what waits, when nothing is on its way.
    func flush() {
        if withState({ $0.startIfWaiting() }) { takeOff() }
    }

    func withState<T: Sendable>(_ body: (inout sending GroupCommit<PublishedMark>) -> sending T) -> T {
        state.withLock(body)
    }

    /// No session: the marks wait for a better time.
    func fail(_ error: PostgresError) { withState { $0.landedEarly() } }

    func write(_ batch: [PublishedMark], _ connection: PostgresConnection) {
        do throws(PostgresError) {
            try PublishedMark.write(batch, connection)
            metrics.marked.increment(by: batch.count)
        } catch {
            // Writing a mark twice is harmless, so an unknown outcome is as good as none.
            let dropped = error.isTransient ? withState { $0.putBack(batch) } : batch.count
            if dropped > 0 { metrics.marksDropped.increment(by: dropped) }
        }
    }
}

extension PublishedMark {
    /// One statement for each kind; rows in the order of ids, so that two writers of the same rows cannot deadlock.
    static func write(_ marks: [PublishedMark], _ connection: PostgresConnection) throws(PostgresError) {
        let sorted = marks.sorted { $0.id < $1.id }
        let comments = sorted.filter { $0.kind == .comment }
        let removals = sorted.filter { $0.kind == .removal }
        if !comments.isEmpty { try connection.execute(markComments, values(comments)) }
        if !removals.isEmpty { try connection.execute(markRemovals, values(removals)) }
    }

    private static func values(_ marks: [PublishedMark]) -> [PostgresValue] {
        [
            .texts(marks.map(\.id)), .bigints(marks.map { Int64(clamping: $0.position.offset) }),
            .texts(marks.map(\.position.epoch)),
        ]
    }
}

private let markComments: PostgresStatement = """
    UPDATE comments SET published_offset = mark.at, published_epoch = mark.epoch
    FROM unnest($1::text[], $2::bigint[], $3::text[]) AS mark (id, at, epoch)
    WHERE comments.id = mark.id AND comments.published_offset IS NULL
    """

private let markRemovals: PostgresStatement = """
    UPDATE comments SET removal_offset = mark.at, removal_epoch = mark.epoch
    FROM unnest($1::text[], $2::bigint[], $3::text[]) AS mark (id, at, epoch)
    WHERE comments.id = mark.id AND comments.removal_offset IS NULL
    """
