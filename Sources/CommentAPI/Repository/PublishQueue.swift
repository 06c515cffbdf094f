import Broker
import Primitives
import ServiceLifecycle
import Storage
import Wire

/// Publishes stored comments in the order of storing.
///
/// A channel belongs to one partition. A partition sends everything that waits as one pipeline and goes on when all of
/// it is answered: no comment of a channel overtakes another one, and the busier Redis is, the longer the pipelines. What
/// cannot be published is left to the outbox sweep; younger comments do not wait for that.
final class PublishQueue: Sendable {
    struct Settings {
        /// Channels are dealt by hash slot. Divisible by 2, 3, 4 and 6: of so many nodes, one that hangs holds up its own
        /// partitions only.
        var partitions = 12
        /// Comments that wait in one partition; more are left to the outbox sweep at once.
        var waitingMax = 8_192
        /// Comments of one pipeline.
        var batchMax = 256
        /// How long a comment may wait for its pipeline; with the time of one command, within ``OutboxSettings/publishMax``.
        /// Later the sweep may be publishing it.
        var waitMax: Duration = .seconds(1)
    }

    struct Waiting: Sendable {
        var comment: Comment
        var channel: Channel
        var since: ContinuousClock.Instant
        /// Called once: with the comment's place, or `nil` when it is left to the outbox sweep. Must not block.
        var done: @Sendable (Position?) -> Void
    }

    private let broker: any EventLog
    private let metrics: CommentMetrics
    private let waitMax: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let published: @Sendable ([PublishedPosition]) -> Void
    private let partitions: [BatchWorker<Waiting>]

    /// - Parameter published: called with the positions of each pipeline before its comments are answered. Must not block.
    init(
        broker: any EventLog, metrics: CommentMetrics, settings: Settings = Settings(),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        published: @escaping @Sendable ([PublishedPosition]) -> Void
    ) {
        self.broker = broker
        self.metrics = metrics
        self.now = now
        self.published = published
        waitMax = settings.waitMax
        partitions = (0..<max(1, settings.partitions)).map { _ in
            BatchWorker(waitingMax: settings.waitingMax, batchMax: settings.batchMax)
        }
    }

    /// Comments that wait.
    var count: Int { partitions.reduce(0) { $0 + $1.count } }

    /// Takes a comment that was stored a moment ago. Returns at once.
    func add(_ comment: Comment, to channel: Channel, then done: @escaping @Sendable (Position?) -> Void) {
        let partition = partitions[channel.part(of: partitions.count)]
        let waiting = Waiting(comment: comment, channel: channel, since: now(), done: done)
        if !partition.submit(waiting) { leave([waiting]) }
    }

    /// Publishes until the process stops, and then what still waits.
    func run() async {
        await withGracefulShutdownHandler {
            await withTaskGroup { group in
                for partition in self.partitions {
                    group.addTask { self.leave(await partition.run { await self.publish($0) }) }
                }
            }
        } onGracefulShutdown: {
            for partition in self.partitions { partition.finish() }
        }
    }

    private func publish(_ batch: [Waiting]) async {
        let oldest = now() - waitMax
        let late = batch.prefix { $0.since < oldest }
        leave(Array(late))
        if late.count < batch.count { await send(Array(batch[late.endIndex...])) }
    }

    private func send(_ batch: [Waiting]) async {
        let start = ContinuousClock.now
        let events = batch.map { StreamEvent(channel: $0.channel, payload: CommentEvents.frame(of: $0.comment)) }
        let results = await broker.publish(contentsOf: events)
        metrics.published(batch.count, since: start)
        var positions: [PublishedPosition] = []
        positions.reserveCapacity(batch.count)
        for (waiting, result) in zip(batch, results) {
            guard case .success(let position) = result else { continue }
            positions.append(PublishedPosition(id: waiting.comment.id, position: position))
        }
        published(positions)
        for (waiting, result) in zip(batch, results) {
            if case .success(let position) = result { waiting.done(position) } else { leave([waiting]) }
        }
    }

    /// To the outbox sweep.
    private func leave(_ comments: [Waiting]) {
        guard !comments.isEmpty else { return }
        metrics.left(comments.count)
        for waiting in comments { waiting.done(nil) }
    }
}
