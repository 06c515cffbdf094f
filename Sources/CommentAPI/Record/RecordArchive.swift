import Broker
import Storage
import Wire

/// Comments in PostgreSQL, published through Redis: stored first, acknowledged when published.
struct RecordArchive: CommentArchive {
    let store: any CommentStore
    let broker: any EventLog
    let queue: PublishQueue
    let metrics: RecordMetrics
    /// Whether PostgreSQL can be used now, its schema included.
    let isReady: @Sendable () -> Bool

    func publish(
        _ comment: Comment, to channel: Channel, isRepeatable: Bool
    ) async throws(ArchiveFailure) -> Publication {
        try requireReady()
        // Nothing is stored that is known to be late for its viewers: the writer shall come back instead.
        guard broker.isReady else { throw .broker(BrokerError(.unavailable, "Redis is away")) }
        switch await storeAndPublish(comment, channel) {
        case .success(let position): return Publication(comment: comment, position: position)
        case .failure(let error) where error.code == .duplicate: return try await repeated(comment, channel)
        case .failure(let error): throw .storage(error)
        }
    }

    /// One continuation for both steps: the comment goes from the batch that was committed straight to its lane.
    private func storeAndPublish(_ comment: Comment, _ channel: Channel) async -> Result<Position?, StorageError> {
        let start = ContinuousClock.now
        return await withCheckedContinuation { answer in
            store.submit(comment) { result in
                if case .failure(let error) = result { return answer.resume(returning: .failure(error)) }
                metrics.stored(since: start)
                queue.add(
                    PublishQueue.Waiting(comment: comment, channel: channel) {
                        answer.resume(returning: .success($0))
                    })
            }
        }
    }

    /// The first request may still be on its way to Redis, so that nothing may be published here: either it is in the
    /// history, or the first request or the sweep will bring it there.
    private func repeated(_ comment: Comment, _ channel: Channel) async throws(ArchiveFailure) -> Publication {
        let stored = try await ArchiveFailure.ofStorage { () throws(StorageError) in
            try await store.comment(id: comment.id)
        }
        guard let stored, !stored.isRemoved else { throw .idTaken }
        var earlier = try Publication.repeated(comment, of: stored.comment, at: stored.position)
        if earlier.position == nil {
            let event = try? await broker.find(CommentEvents.key(ofComment: comment.id), in: channel)
            earlier.position = event?.position
        }
        return earlier
    }

    func history(of channel: Channel, before: String?, limit: Int) async throws(ArchiveFailure) -> CommentPage {
        try requireReady()
        let page = try await ArchiveFailure.ofStorage { () throws(StorageError) in
            try await store.history(video: channel.id, before: before, limit: limit)
        }
        let comments = page.comments.map { stored in
            stored.position.map { stored.comment.json(at: $0) } ?? stored.comment.json()
        }
        return CommentPage(comments: comments, next: page.next)
    }

    func remove(_ wish: RemovalWish) async throws(ArchiveFailure) -> RemovalOutcome {
        try requireReady()
        let removal = try await ArchiveFailure.ofStorage { () throws(StorageError) in
            try await store.remove(id: wish.id, by: wish.user ?? "moderator", moderator: wish.isModerator)
        }
        switch removal {
        case .notFound: throw .notFound
        case .forbidden: throw .forbidden
        case .alreadyRemoved(let stored): return RemovalOutcome(channel: try channel(of: stored), isPublished: true)
        case .removed(let stored): return await tell(stored, try channel(of: stored))
        }
    }

    private func tell(_ stored: StoredComment, _ channel: Channel) async -> RemovalOutcome {
        let id = stored.comment.id
        do throws(BrokerError) {
            let position = try await RemovalPublisher(broker: broker).publish(id, in: channel, at: stored.position)
            store.markPublished([PublishedMark(id: id, kind: .removal, position: position)])
            return RemovalOutcome(channel: channel, isPublished: true)
        } catch {
            return RemovalOutcome(channel: channel, isPublished: false)
        }
    }

    private func channel(of stored: StoredComment) throws(ArchiveFailure) -> Channel {
        guard let channel = Channel.video(stored.comment.videoid) else { throw .notFound }
        return channel
    }

    private func requireReady() throws(ArchiveFailure) {
        guard isReady() else { throw .storage(StorageError(.unavailable, "PostgreSQL is away")) }
    }
}
