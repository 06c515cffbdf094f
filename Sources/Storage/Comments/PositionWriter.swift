import CoreMetrics
import PostgresLibpq
import Primitives
import Wire

/// Saves the positions of published comments behind their requests: bounded, by group commit.
final class PositionWriter: GroupCommit {
    let pool: PostgresPool
    let gather: Duration = .zero
    private let metrics: StorageMetrics
    private let queue: Mutex<BatchQueue<PublishedPosition>>

    init(pool: PostgresPool, settings: CommentStoreSettings, metrics: StorageMetrics) {
        self.pool = pool
        self.metrics = metrics
        queue = Mutex(
            BatchQueue(
                limits: .init(
                    waitingMax: settings.positionsMax, batchMax: settings.batchMax, startAt: settings.batchMax)))
    }

    var count: Int { queue.withLock { $0.waiting.count } }

    func add(_ positions: [PublishedPosition]) {
        let arrivals = withQueue { queue in positions.map { queue.append($0) } }
        let dropped = arrivals.count { $0 == .refused }
        if dropped > 0 { metrics.positionsDropped.increment(by: dropped) }
        if arrivals.contains(.startWorker) { startWorker() }
    }

    /// Saves what waits, unless a worker is about it.
    func flush() {
        if withQueue({ $0.startIfWaiting() }) { startWorker() }
    }

    func withQueue<T: Sendable>(_ body: (inout sending BatchQueue<PublishedPosition>) -> sending T) -> T {
        queue.withLock(body)
    }

    /// No session: the positions wait for the next flush.
    func workerFailed(_ error: PostgresError) { withQueue { $0.workerEnded() } }

    func write(_ batch: [PublishedPosition], _ connection: PostgresConnection) {
        do throws(PostgresError) {
            try PublishedPosition.save(batch, connection)
            metrics.positionsSaved.increment(by: batch.count)
        } catch {
            // Saving a position twice is harmless, so an unknown outcome is as good as none.
            guard error.isTransient else { return metrics.positionsDropped.increment(by: batch.count) }
            let dropped = withQueue { $0.putBack(batch) }
            if dropped > 0 { metrics.positionsDropped.increment(by: dropped) }
        }
    }
}

extension BatchQueue {
    /// Puts items that weigh 1 in front of all others as far as there is room; returns how many found none.
    mutating func putBack(_ items: [Item]) -> Int {
        let fitting = Array(items.prefix(max(0, limits.waitingMax - waitingWeight)))
        prepend(fitting)
        return items.count - fitting.count
    }
}

extension PublishedPosition {
    /// One statement for each kind of event; rows in the order of ids, so that two writers of the same rows cannot deadlock.
    static func save(_ positions: [PublishedPosition], _ connection: PostgresConnection) throws(PostgresError) {
        let sorted = positions.sorted { $0.id < $1.id }
        let comments = sorted.filter { $0.kind == .comment }
        let edits = sorted.filter { $0.kind == .edit }
        let removals = sorted.filter { $0.kind == .removal }
        if !comments.isEmpty { try connection.execute(saveComments, values(comments)) }
        if !edits.isEmpty {
            try connection.execute(saveEdits, values(edits) + [.bigints(edits.map { Int64($0.revision) })])
        }
        if !removals.isEmpty { try connection.execute(saveRemovals, values(removals)) }
    }

    private static func values(_ positions: [PublishedPosition]) -> [PostgresValue] {
        [
            .texts(positions.map(\.id)), .bigints(positions.map { Int64(clamping: $0.position.offset) }),
            .texts(positions.map(\.position.epoch)),
        ]
    }
}

private let saveComments: PostgresStatement = """
    UPDATE comments SET published_offset = place.at, published_epoch = place.epoch
    FROM unnest($1::text[], $2::bigint[], $3::text[]) AS place (id, at, epoch)
    WHERE comments.id = place.id AND comments.published_offset IS NULL
    """

// A change that came after this one is still to be published.
private let saveEdits: PostgresStatement = """
    UPDATE comments SET edit_offset = place.at, edit_epoch = place.epoch
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[]) AS place (id, at, epoch, revision)
    WHERE comments.id = place.id AND comments.revision = place.revision AND comments.edit_offset IS NULL
    """

private let saveRemovals: PostgresStatement = """
    UPDATE comments SET removal_offset = place.at, removal_epoch = place.epoch
    FROM unnest($1::text[], $2::bigint[], $3::text[]) AS place (id, at, epoch)
    WHERE comments.id = place.id AND comments.removal_offset IS NULL
    """
