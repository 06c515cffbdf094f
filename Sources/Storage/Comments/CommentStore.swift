public import Wire

/// The database of comments: a comment is stored here before it is acknowledged, and read from here when Redis no longer
/// has it.
///
/// How a comment gets from here to its viewers exactly once, and what can still go wrong:
///
/// 1. ``store(_:)`` returns when the comment is committed. From then on it will be published, by whomever.
/// 2. The write API publishes it and passes its position to ``addPublished(_:)``, which returns at once.
/// 3. A comment whose position is not saved after a grace period belongs to the outbox sweep (``OutboxSweeper``). One
///    sweeper at a time holds the lease; it publishes each channel's comments in the order of storing.
///
/// Between 2 and 3 stand three guards. The write API must not begin to publish later than half the grace after
/// ``store(_:)`` returned, so that it and the sweep do not meet. The sweep's publish must look the comment's id up in
/// the channel's history, in the same atomic step, and answer with the place that it has; that covers lost positions, a
/// sweeper that stood still past its lease, and a process that stood still between its check and its publish. And a
/// saved position is never overwritten.
///
/// What remains: a comment is published twice when its position was lost (the process died within the few milliseconds
/// between publishing and saving, or the database was away and too many positions waited) *and* the channel's history no
/// longer holds it when the sweep comes (more comments than the history's length, or its expiry, within the grace). And
/// a comment that the sweep publishes stands behind younger ones that were published meanwhile: offsets stay in order,
/// only the time of writing is not.
public protocol CommentStore: Sendable {
    /// Whether a comment would be stored now.
    var isReady: Bool { get }

    /// Calls `done` once: when the comment is committed, or with the reason why it is not. Successes come in the order
    /// of storing, one after another, from a thread of the store, which `done` must not block.
    ///
    /// Errors: `duplicate`, `invalid`; `refused` for a comment on a post; ``StorageError/held`` when it was stored and waits
    /// for a moderator; `overloaded`, `timeout`, `unavailable` when it was not stored, or, with `outcomeIsUnknown`, may have
    /// been.
    func submit(_ comment: Comment, then done: @escaping @Sendable (Result<Void, StorageError>) -> Void)

    /// Saves the positions of published events soon. Returns at once; one that is lost costs the sweep one look-up.
    func addPublished(_ positions: [PublishedPosition])

    /// Saves the positions of published events; returns when they are committed.
    func savePublished(_ positions: [PublishedPosition]) async throws(StorageError)

    /// Takes or renews the lease and returns what should have been published long ago: comments in the order of
    /// storing, then removals. Empty when there is nothing, or another owner holds the lease.
    ///
    /// - Parameters:
    ///   - age: at least the statement timeout plus the longest publish of a write API.
    ///   - limit: 1 to 10,000.
    func claimUnpublished(
        owner: String, olderThan age: Duration, limit: Int, lease: Duration
    ) async throws(StorageError) -> [OutboxEntry]

    /// Releases the lease, so that another sweeper need not wait for its end.
    func releaseClaim(owner: String) async throws(StorageError)

    /// How much waits to be published, for however long.
    func outboxDepth() async throws(StorageError) -> OutboxDepth

    /// Comments of a channel that are not removed, newest first.
    ///
    /// - Parameters:
    ///   - before: the id of a comment of this channel; the page begins behind it. `nil` is the newest page.
    ///   - limit: 1 to 500; others are clamped.
    /// - Throws: `unknownCursor`.
    func history(of channel: Channel, before: String?, limit: Int) async throws(StorageError) -> HistoryPage

    /// Removes a comment: its author may, and a moderator. Idempotent. The caller publishes the removal event and saves
    /// its position; if it does not, the sweep does.
    func remove(id: String, by user: String, moderator: Bool) async throws(StorageError) -> Removal

    /// One comment, removed or not.
    func comment(id: String) async throws(StorageError) -> StoredComment?
}

extension CommentStore {
    /// Returns when the comment is committed; throws what ``submit(_:then:)`` hands over.
    public func store(_ comment: Comment) async throws(StorageError) {
        let result = await withCheckedContinuation { answer in submit(comment) { answer.resume(returning: $0) } }
        try result.get()
    }

    /// The limits of ``history(of:before:limit:)``.
    public static var historyLimits: ClosedRange<Int> { 1...500 }
}
