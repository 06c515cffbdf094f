import Broker
import ServiceRuntime
import Synchronization
import Wire

/// Takes a comment that was checked, gives it its id and time, and publishes it.
final class CommentDesk: Sendable {
    private struct State {
        var ids = CommentIDSequence()
        var random = SystemRandomNumberGenerator()
        var journal = PublishJournal()
        var received = 0
        var published = 0
    }

    private let broker: any Broker
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())

    /// - Parameter now: milliseconds since 1970.
    init(broker: any Broker, now: @escaping @Sendable () -> Int64 = WallClock.milliseconds) {
        self.broker = broker
        self.now = now
    }

    /// Somebody asked for a comment to be published, whatever becomes of it.
    func received() {
        state.withLock { $0.received += 1 }
    }

    /// Publishes a comment; it is published if and only if this returns, a timeout aside.
    func publish(user: String, video: String, channel: Channel, text: String) async throws(BrokerError) -> (
        Comment, Position
    ) {
        let milliseconds = now()
        let id = state.withLock { state in
            state.ids.next(now: UInt64(clamping: milliseconds), using: &state.random)
        }
        let comment = Comment(
            id: id, userid: user, videoid: video, comment: text,
            timestamp: Timestamp.text(millisecondsSinceEpoch: milliseconds))
        let position = try await broker.publish(EventStream.frame(data: comment.json()), to: channel)
        state.withLock { state in
            state.published += 1
            state.journal.published(on: channel.name)
        }
        return (comment, position)
    }

    /// Comments asked for and published since the start, and what was published since the last accepted report.
    func totals() -> (received: Int, published: Int) {
        state.withLock { ($0.received, $0.published) }
    }

    /// Runs `body` on the counts of published comments by channel.
    func withJournal<Result: Sendable>(_ body: (inout PublishJournal) -> sending Result) -> sending Result {
        state.withLock { body(&$0.journal) }
    }
}
