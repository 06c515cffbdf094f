public import Storage
import Synchronization
public import Wire

/// Comments in memory, with the rules of ``PostgresCommentStore``.
public final class MemoryCommentStore: CommentStore {
    private let state = Mutex(MemoryComments())
    private let countMax: Int
    private let now: @Sendable () -> ContinuousClock.Instant

    /// - Parameter countMax: comments it holds; one more is refused with `overloaded`.
    public init(
        countMax: Int = 100_000, now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.countMax = countMax
        self.now = now
    }

    public var isReady: Bool { true }

    public func submit(_ comment: Comment, then done: @escaping @Sendable (Result<Void, StorageError>) -> Void) {
        do throws(StorageError) {
            let row = try CommentRow(comment)
            let (now, countMax) = (now(), countMax)
            let error = state.withLock { $0.store(row.comment, at: now, countMax: countMax) }
            done(error.map { .failure($0) } ?? .success(()))
        } catch {
            done(.failure(error))
        }
    }

    public func addPublished(_ positions: [PublishedPosition]) { state.withLock { $0.mark(positions) } }

    public func savePublished(_ positions: [PublishedPosition]) async throws(StorageError) { addPublished(positions) }

    public func claimUnpublished(
        owner: String, olderThan age: Duration, limit: Int, lease: Duration
    ) async throws(StorageError) -> [OutboxEntry] {
        let now = now()
        return state.withLock { state in
            guard state.takeLease(owner, until: now + lease, now: now) else { return [] }
            return Array(state.unpublished(before: now - age).prefix(limit))
        }
    }

    public func releaseClaim(owner: String) async throws(StorageError) {
        state.withLock { $0.releaseLease(owner) }
    }

    public func outboxDepth() async throws(StorageError) -> OutboxDepth {
        let now = now()
        return state.withLock { $0.depth(at: now) }
    }

    public func history(video: String, before: String?, limit: Int) async throws(StorageError) -> HistoryPage {
        let limit = min(max(limit, Self.historyLimits.lowerBound), Self.historyLimits.upperBound)
        guard let page = state.withLock({ $0.history(video, before: before, limit: limit) }) else {
            throw StorageError(.unknownCursor, "no such comment")
        }
        return page
    }

    public func remove(id: String, by user: String, moderator: Bool) async throws(StorageError) -> Removal {
        let now = now()
        return state.withLock { $0.remove(id, by: user, moderator: moderator, at: now) }
    }

    public func comment(id: String) async throws(StorageError) -> StoredComment? {
        state.withLock { $0.comment(id) }
    }
}
