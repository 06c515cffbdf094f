import CoreMetrics
import Logging
import Primitives
import Storage

/// One task of a ``WriteBehindWorker``: a share of the partitions.
struct WriteBehindTask: Sendable {
    let number: Int
    let partitions: [Int]
    let store: PartitionStore
    let likes: any LikeStore
    let settings: WriteBehindSettings
    let logger: Logger
    let metrics: WriteBehindMetrics

    /// Entries of one stream that are taken over at a time.
    private static let claimMax = 500

    private var consumer: StreamConsumer {
        StreamConsumer(
            redis: store.redis, streams: partitions.map { store.keys($0).changes },
            consumer: "\(settings.instance)-\(number)", claimAfter: settings.claimAfter)
    }

    func run() async {
        var consumer = consumer
        var pause = Backoff(base: .milliseconds(100), cap: .seconds(5))
        var last = WriteBehindBatch()
        var lastClaim = ContinuousClock.now
        // The partition whose turn it is while there is much to do. A batch of one partition lies close together in the
        // table's index: on a photo with millions of likes that is several rows for each page that is read, logged and
        // written.
        var turn: Int?
        while !Task.isCancelled {
            do throws(LikeError) {
                if ContinuousClock.now - lastClaim >= settings.claimAfter {
                    lastClaim = .now
                    try await claim(consumer)
                }
                let count = WriteBehindBatch.nextCount(
                    target: settings.batchChanges, partitions: turn == nil ? partitions.count : 1, last: last)
                let (batch, isFull) = try await read(&consumer, count: count, only: turn)
                await write(batch)
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
            await write(batch)
        }
    }

    private func read(
        _ consumer: inout StreamConsumer, count: Int, only: Int? = nil
    ) async throws(LikeError) -> (WriteBehindBatch, Bool) {
        let read = try await consumer.read(count: count, only: only)
        return (WriteBehindBatch(zip(partitions, read)), read.contains { $0.count >= count })
    }

    private func claim(_ consumer: StreamConsumer) async throws(LikeError) {
        while !Task.isCancelled {
            let claimed = WriteBehindBatch(zip(partitions, try await consumer.claim(count: Self.claimMax)))
            guard !claimed.isEmpty else { break }
            metrics.claimed.increment(by: claimed.items.count)
            logger.info("entries of another worker are taken over", metadata: ["entries": "\(claimed.items.count)"])
            await write(claimed)
        }
        try await consumer.deleteIdleConsumers()
    }

    // MARK: Writing

    /// Returns when the batch is in the database and out of the streams, however long the database is away; or when the
    /// task is cancelled.
    private func write(_ batch: WriteBehindBatch) async {
        guard !batch.isEmpty else { return }
        var pause = Backoff(base: .milliseconds(100), cap: .seconds(5))
        while !Task.isCancelled {
            do throws(LikeError) {
                try await attempt(batch)
                return
            } catch {
                metrics.failures.increment()
                logger.warning(
                    "changes cannot be stored yet",
                    metadata: ["changes": "\(batch.changes.count)", "error": "\(error)"])
                noteLag(batch)
                try? await Task.sleep(for: pause.next())
            }
        }
    }

    /// The order is commit, then take the entries out: dying in between means that somebody does it again.
    private func attempt(_ batch: WriteBehindBatch) async throws(LikeError) {
        let deadLetters = DeadLetterStream(redis: store.redis, logger: logger)
        for (item, reason) in batch.unreadable {
            try await deadLetters.add(
                stream: store.keys(item.partition).changes, id: item.entry.id, reason: reason, entry: item.entry.raw)
        }
        try await apply(batch.changes, deadLetters)
        for (partition, entries) in batch.acks { try await store.ack(entries, partition: partition) }
        metrics.batches.increment()
    }

    /// What the database refuses for good becomes a dead letter: the changes that it names, and where it cannot say which,
    /// it is found by halving.
    private func apply(_ changes: [LikeChange], _ deadLetters: DeadLetterStream) async throws(LikeError) {
        guard !changes.isEmpty else { return }
        func add(_ change: LikeChange, _ reason: String) async throws(LikeError) {
            try await deadLetters.add(
                stream: store.keys(store.partition(of: change.user)).changes, id: "\(change.version)", reason: reason,
                entry: "\(change.photo) \(change.user) \(change.liked) \(change.version) \(change.at)")
        }
        let outcome: LikeBatchOutcome
        do {
            outcome = try await LikeError.mapping { try await likes.apply(changes) }
        } catch {
            guard error.code == .internal else { throw error }
            guard changes.count > 1 else { return try await add(changes[0], error.message) }
            try await apply(Array(changes[..<(changes.count / 2)]), deadLetters)
            return try await apply(Array(changes[(changes.count / 2)...]), deadLetters)
        }
        metrics.stored.increment(by: outcome.changed)
        metrics.ignored.increment(by: outcome.ignored)
        for index in outcome.refused { try await add(changes[index], "the database refuses it") }
    }

    // MARK: Measuring

    private func measure(_ batch: WriteBehindBatch) async throws(LikeError) {
        noteLag(batch)
        if number == 0 { metrics.backlog.record(try await store.depths().reduce(0, +)) }
    }

    private func noteLag(_ batch: WriteBehindBatch) {
        guard let oldest = batch.oldest else { return metrics.lagSeconds.record(0) }
        metrics.lagSeconds.record(max(0, Double(WallClock.milliseconds() - oldest) / 1_000))
    }
}
