import CoreMetrics
import Logging
import Primitives
import RedisNIO
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
    let health: WriteBehindHealth

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
                if health.end(number) { logger.notice("changes are stored again") }
                if batch.newer > 0 { noteNewer(batch.newer) }
                try await measure(batch)
                // Cancelled while sleeping: the loop's condition ends it.
                if !isFull { try? await Task.sleep(for: settings.interval) }
            } catch {
                note(error, "the streams of changes cannot be read")
                try? await Task.sleep(for: pause.next())
            }
        }
    }

    private func read(
        _ consumer: inout StreamConsumer, count: Int, only: Int? = nil
    ) async throws(LikeError) -> (WriteBehindBatch, Bool) {
        let epochs = try await store.epochs(partitions)
        let read = try await consumer.read(count: count, only: only)
        return (WriteBehindBatch(zip(partitions, read), epochs: epochs), read.contains { $0.count >= count })
    }

    private func claim(_ consumer: StreamConsumer) async throws(LikeError) {
        while !Task.isCancelled {
            let epochs = try await store.epochs(partitions)
            let claimed = WriteBehindBatch(
                zip(partitions, try await consumer.claim(count: Self.claimMax)), epochs: epochs)
            noteNewer(claimed.newer)
            // What only a newer process can read comes again and again.
            guard claimed.items.count > claimed.newer else { break }
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
                note(error, "changes cannot be stored yet")
                noteLag(batch)
                try? await Task.sleep(for: pause.next())
            }
        }
    }

    private func noteNewer(_ count: Int) {
        metrics.newer.increment(by: count)
        health.noteNewer(number, count)
    }

    /// Once for each reason: the rest is in the metrics and in the probe.
    private func note(_ error: LikeError, _ message: Logger.Message) {
        guard health.begin(number, "\(error)") else { return }
        logger.error(message, metadata: ["error": "\(error)"])
    }

    /// The order is commit, then take the entries out: dying in between means that somebody does it again.
    private func attempt(_ batch: WriteBehindBatch) async throws(LikeError) {
        var letters = Dictionary(grouping: batch.malformed, by: \.partition).mapValues { $0.map(\.letter) }
        for (change, reason) in try await apply(batch.changes) {
            letters[store.partition(of: change.user), default: []].append(
                DeadLetter(id: "\(change.version)", reason: reason, fields: ChangeEntry.fields(change)))
        }
        for (partition, entries) in batch.acks {
            let letters = letters[partition] ?? []
            try await store.ack(
                entries, deadLetters: letters, partition: partition, epoch: batch.epochs[partition] ?? "")
            for letter in letters {
                metrics.setAside.increment()
                logger.error(
                    "an entry is a dead letter",
                    metadata: [
                        "likes.partition": "\(partition)", "redis.entry": "\(letter.id)", "reason": "\(letter.reason)",
                    ])
            }
        }
        metrics.batches.increment()
    }

    /// What the database refuses because of the data itself (SQLSTATE classes 22 and 23): the changes that it names, and
    /// where it cannot say which, they are found by halving. Everything else may be put right: it is thrown.
    private func apply(_ changes: [LikeChange]) async throws(LikeError) -> [(LikeChange, String)] {
        guard !changes.isEmpty else { return [] }
        let outcome: LikeBatchOutcome
        do throws(StorageError) {
            outcome = try await likes.apply(changes)
        } catch {
            guard error.code == .invalid else { throw LikeError(.databaseUnavailable, error.description) }
            guard changes.count > 1 else { return [(changes[0], error.message)] }
            let middle = changes.count / 2
            return try await apply(Array(changes[..<middle])) + apply(Array(changes[middle...]))
        }
        metrics.stored.increment(by: outcome.changed)
        metrics.ignored.increment(by: outcome.ignored)
        return outcome.refused.map { (changes[$0], "the database refuses it") }
    }

    // MARK: Measuring

    private func measure(_ batch: WriteBehindBatch) async throws(LikeError) {
        noteLag(batch)
        guard number == 0 else { return }
        metrics.backlog.record(try await store.depths().reduce(0, +))
        let letters = try await store.send([RedisCommand("XLEN", LikeKeys.deadLetters)])[0]
        metrics.deadLetters.record(letters.integer ?? 0)
    }

    private func noteLag(_ batch: WriteBehindBatch) {
        guard let oldest = batch.oldest else { return metrics.lagSeconds.record(0) }
        metrics.lagSeconds.record(max(0, Double(WallClock.milliseconds() - oldest) / 1_000))
    }
}
