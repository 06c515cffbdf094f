import CoreMetrics
import Glibc
import Logging
import Primitives
import Storage

/// One task of a ``RecordWorker``: a share of the parts.
struct RecordTask: Sendable {
    let number: Int
    let parts: [Int]
    let store: PartStore
    let likes: any LikeStore
    let queue: NotificationQueue
    let settings: RecordWorkerSettings
    let logger: Logger
    let metrics: RecordMetrics

    /// Entries of one stream that are taken over at a time.
    private static let claimMax = 500

    private var consumer: StreamConsumer {
        StreamConsumer(
            redis: store.redis, streams: parts.map { store.keys($0).changes }, group: PartStore.group,
            consumer: "\(settings.instance)-\(number)", claimAfter: settings.claimAfter)
    }

    func run() async {
        var consumer = consumer
        var pause = Backoff(base: .milliseconds(100), cap: .seconds(5))
        var last = RecordBatch()
        var lastClaim = ContinuousClock.now
        // The part whose turn it is while there is much to do. A batch of one part lies close together in the record's
        // index: on a photo with millions of likes that is several rows for each page that is read, logged and written.
        var turn: Int?
        while !Task.isCancelled {
            do throws(LikeError) {
                if ContinuousClock.now - lastClaim >= settings.claimAfter {
                    lastClaim = .now
                    try await claim(&consumer)
                }
                let count = RecordBatch.nextCount(
                    target: settings.batchChanges, parts: turn == nil ? parts.count : 1, last: last)
                let (batch, isFull) = try await read(&consumer, count: count, only: turn)
                await carry(batch)
                last = batch
                turn = isFull ? (turn ?? -1) + 1 : nil
                pause.reset()
                try await measure(batch)
                // Cancelled while sleeping: the loop's condition ends it.
                if !isFull { try? await Task.sleep(for: settings.interval) }
            } catch {
                logger.warning("the streams of changes cannot be read", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: pause.next())
            }
        }
    }

    func drain() async throws(LikeError) {
        var consumer = consumer
        // The first look is at what was left over, so it may be empty and the second not.
        for look in 0... {
            let (batch, _) = try await read(&consumer, count: 1_000)
            if batch.isEmpty, look > 0 { return }
            await carry(batch)
        }
    }

    private func read(
        _ consumer: inout StreamConsumer, count: Int, only: Int? = nil
    ) async throws(LikeError) -> (RecordBatch, Bool) {
        let read = try await consumer.read(count: count, only: only)
        return (batch(read), read.contains { $0.count >= count })
    }

    private func claim(_ consumer: inout StreamConsumer) async throws(LikeError) {
        while !Task.isCancelled {
            let claimed = batch(try await consumer.claim(count: Self.claimMax))
            guard !claimed.isEmpty else { break }
            metrics.claimed.increment(by: claimed.items.count)
            logger.info("entries of another worker are taken over", metadata: ["entries": "\(claimed.items.count)"])
            await carry(claimed)
        }
        try await consumer.forgetTheGone()
    }

    private func batch(_ read: [[StreamEntry]]) -> RecordBatch {
        var batch = RecordBatch()
        for (part, entries) in zip(parts, read) { batch.add(entries, part: part) }
        return batch
    }

    // MARK: Carrying

    /// Returns when the batch is in the record and out of the streams, however long the record is away; or when the
    /// task is cancelled.
    private func carry(_ batch: RecordBatch) async {
        guard !batch.isEmpty else { return }
        var pause = Backoff(base: .milliseconds(100), cap: .seconds(5))
        while !Task.isCancelled {
            do throws(LikeError) {
                try await attempt(batch)
                return
            } catch {
                metrics.failures.increment()
                logger.warning(
                    "changes cannot be recorded yet",
                    metadata: ["changes": "\(batch.changes.count)", "error": "\(error)"])
                noteLag(batch)
                try? await Task.sleep(for: pause.next())
            }
        }
    }

    private func attempt(_ batch: RecordBatch) async throws(LikeError) {
        let quarantine = Quarantine(redis: store.redis, logger: logger)
        for (item, reason) in batch.unreadable {
            try await quarantine.put(
                stream: store.keys(item.part).changes, id: item.entry.id, reason: reason, raw: item.raw)
        }
        try await apply(batch.changes, quarantine)
        try await queue.append(batch.changes)
        for (part, entries) in batch.settlements { try await store.settle(entries, part: part) }
        metrics.batches.increment()
    }

    /// What the record refuses for good is set aside: the changes that it names, and where it cannot say which, it is
    /// found by halving.
    private func apply(_ changes: [LikeChange], _ quarantine: Quarantine) async throws(LikeError) {
        guard !changes.isEmpty else { return }
        let outcome: LikeBatchOutcome
        do throws(StorageError) {
            outcome = try await likes.apply(changes)
        } catch {
            guard !error.isTransient else { throw LikeError(error) }
            guard changes.count > 1 else { return try await setAside(changes[0], error.description, quarantine) }
            try await apply(Array(changes[..<(changes.count / 2)]), quarantine)
            return try await apply(Array(changes[(changes.count / 2)...]), quarantine)
        }
        metrics.recorded.increment(by: outcome.changed)
        metrics.ignored.increment(by: outcome.ignored)
        for index in outcome.refused { try await setAside(changes[index], "the record refuses it", quarantine) }
    }

    private func setAside(_ change: LikeChange, _ reason: String, _ quarantine: Quarantine) async throws(LikeError) {
        try await quarantine.put(
            stream: store.keys(store.part(of: change.user)).changes, id: "\(change.version)", reason: reason,
            raw: "\(change.photo) \(change.user) \(change.liked) \(change.version) \(change.at)")
    }

    // MARK: Measuring

    private func measure(_ batch: RecordBatch) async throws(LikeError) {
        noteLag(batch)
        if number == 0 { metrics.backlog.record(try await store.depths().reduce(0, +)) }
    }

    private func noteLag(_ batch: RecordBatch) {
        guard let oldest = batch.oldest else { return metrics.lagSeconds.record(0) }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        metrics.lagSeconds.record(max(0, Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 - Double(oldest) / 1_000))
    }
}
