import Primitives
import ServiceRuntime
import Wire

/// Gives a comment that was checked its id and time, and has the repository keep and publish it.
final class CommentService: Sendable {
    private struct State {
        var ids = CommentIDSequence()
        var random = SystemRandomNumberGenerator()
    }

    let repository: any CommentRepository
    let counters: CommentCounters
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())

    /// - Parameter now: milliseconds since 1970.
    init(
        repository: any CommentRepository, counters: CommentCounters = CommentCounters(),
        now: @escaping @Sendable () -> Int64 = WallClock.milliseconds
    ) {
        self.repository = repository
        self.counters = counters
        self.now = now
    }

    /// Publishes a comment. Throws what ``CommentRepository/publish(_:to:)`` throws.
    ///
    /// - Parameter id: the client's own, for a request that may be repeated; `nil`: a new one.
    func publish(
        user: String, channel: Channel, text: String, parent: String? = nil, id: String? = nil
    ) async throws -> Publication {
        let milliseconds = now()
        let comment = Comment(
            id: id ?? makeID(milliseconds), userid: user, kind: channel.kind, videoid: channel.id,
            comment: text, timestamp: Timestamp.text(millisecondsSinceEpoch: milliseconds), parent: parent)
        let publication = try await repository.publish(comment, to: channel)
        if publication.position != nil, !publication.isRepeated { counters.published(publication.comment, on: channel) }
        return publication
    }

    private func makeID(_ milliseconds: Int64) -> String {
        state.withLock { $0.ids.next(now: UInt64(clamping: milliseconds), using: &$0.random) }
    }
}
