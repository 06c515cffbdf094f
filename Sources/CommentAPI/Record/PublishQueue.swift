import Broker
import ServiceLifecycle
import Storage
import Synchronization
import Wire

/// Publishes stored comments in the order of storing.
///
/// A channel belongs to one lane. A lane sends everything that waits as one pipeline and goes on when all of it is
/// answered, so that no comment of a channel overtakes another one, and a busy Redis makes the pipelines longer by
/// itself. What cannot be published is left to the outbox sweep; younger comments do not wait for that.
final class PublishQueue: Service {
    struct Waiting: Sendable {
        var comment: Comment
        var channel: Channel
        /// Called once: with the comment's place, or `nil` when it is left to the outbox sweep. Must not block.
        var done: @Sendable (Position?) -> Void
    }

    struct Settings {
        var lanes = 4
        /// Comments that wait in one lane; more are left to the outbox sweep at once.
        var waitingMax = 8_192
        /// Comments of one pipeline.
        var batchMax = 256
        /// How long a comment may wait for its pipeline; with the time of one command, within ``OutboxSettings/publishMax``.
        var waitMax: Duration = .seconds(1)
    }

    private let store: any CommentStore
    private let broker: any EventLog
    private let metrics: RecordMetrics
    private let lanes: [Lane]

    init(store: any CommentStore, broker: any EventLog, metrics: RecordMetrics, settings: Settings = Settings()) {
        self.store = store
        self.broker = broker
        self.metrics = metrics
        lanes = (0..<max(1, settings.lanes)).map { _ in Lane(settings) }
    }

    /// Comments that wait.
    var count: Int { lanes.reduce(0) { $0 + $1.count } }

    /// Takes a comment that was stored a moment ago. Returns at once.
    func add(_ waiting: Waiting) {
        var hasher = Hasher()
        hasher.combine(waiting.channel)
        let lane = lanes[Int(UInt(bitPattern: hasher.finalize()) % UInt(lanes.count))]
        if !lane.add(waiting) { leave([waiting]) }
    }

    /// Publishes until the process stops, and then what still waits.
    func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup { group in
                for lane in self.lanes { group.addTask { await self.work(on: lane) } }
            }
        } onGracefulShutdown: {
            for lane in self.lanes { lane.wakeUpLast() }
        }
    }

    private func work(on lane: Lane) async {
        for await _ in lane.wakeUps { await empty(lane) }
        lane.close()
        await empty(lane)
    }

    private func empty(_ lane: Lane) async {
        while let turn = lane.next() {
            leave(turn.late)
            if !turn.batch.isEmpty { await publish(turn.batch) }
        }
    }

    private func publish(_ batch: [Waiting]) async {
        let start = ContinuousClock.now
        let events = batch.map { StreamEvent(channel: $0.channel, payload: CommentEvents.frame(of: $0.comment)) }
        let results = await broker.publish(contentsOf: events)
        metrics.published(batch.count, since: start)
        var marks: [PublishedMark] = []
        marks.reserveCapacity(batch.count)
        for (waiting, result) in zip(batch, results) {
            guard case .success(let position) = result else { continue }
            marks.append(PublishedMark(id: waiting.comment.id, position: position))
        }
        store.markPublished(marks)
        for (waiting, result) in zip(batch, results) {
            if case .success(let position) = result { waiting.done(position) } else { leave([waiting]) }
        }
    }

    private func leave(_ comments: [Waiting]) {
        guard !comments.isEmpty else { return }
        metrics.left(comments.count)
        for waiting in comments { waiting.done(nil) }
    }
}

/// What waits for one publisher, and what wakes it.
private final class Lane: Sendable {
    let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation
    private let backlog: Mutex<PublishBacklog<PublishQueue.Waiting>>

    init(_ settings: PublishQueue.Settings) {
        // One is enough: a turn takes everything.
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        backlog = Mutex(
            PublishBacklog(
                waitingMax: settings.waitingMax, batchMax: settings.batchMax, waitMax: settings.waitMax))
    }

    var count: Int { backlog.withLock { $0.count } }

    func add(_ waiting: PublishQueue.Waiting) -> Bool {
        let arrival = backlog.withLock { $0.arrived(waiting, at: .now) }
        if arrival == .wake { wakeUp.yield() }
        return arrival != .refused
    }

    func next() -> PublishBacklog<PublishQueue.Waiting>.Turn? { backlog.withLock { $0.next(at: .now) } }

    func wakeUpLast() { wakeUp.finish() }

    func close() { backlog.withLock { $0.close() } }
}
