import Primitives
import ServiceRuntime
import Synchronization
import Wire

/// Takes a comment that was checked, gives it its id and time, and hands it to the archive.
final class CommentDesk: Sendable {
    private struct State {
        var ids = CommentIDSequence()
        var random = SystemRandomNumberGenerator()
    }

    let archive: any CommentArchive
    let tally: CommentTally
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())

    /// - Parameter now: milliseconds since 1970.
    init(
        archive: any CommentArchive, tally: CommentTally = CommentTally(),
        now: @escaping @Sendable () -> Int64 = WallClock.milliseconds
    ) {
        self.archive = archive
        self.tally = tally
        self.now = now
    }

    /// Publishes a comment; what it throws says what is known of its fate.
    ///
    /// - Parameter id: the client's own, for a request that may be repeated; `nil`: a new one.
    func publish(
        user: String, video: String, channel: Channel, text: String, id: String? = nil
    ) async throws(ArchiveFailure) -> Publication {
        let milliseconds = now()
        let comment = Comment(
            id: id ?? makeID(milliseconds), userid: user, videoid: video, comment: text,
            timestamp: Timestamp.text(millisecondsSinceEpoch: milliseconds))
        let publication = try await archive.publish(comment, to: channel, isRepeatable: id != nil)
        if publication.position != nil, !publication.isRepeated { tally.published(publication.comment, on: channel) }
        return publication
    }

    private func makeID(_ milliseconds: Int64) -> String {
        state.withLock { $0.ids.next(now: UInt64(clamping: milliseconds), using: &$0.random) }
    }
}
