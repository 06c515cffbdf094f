import Broker
import Primitives
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Storage
import Wire

/// Comments in PostgreSQL, published through Redis: stored first, acknowledged when published. ``run()`` must run.
final class PostgresCommentRepository: CommentRepository, Service {
    private static let gaugeInterval: Duration = .seconds(5)

    private let database: ServiceDatabase
    private let store: PostgresCommentStore
    private let broker: any EventLog
    private let queue: PublishQueue
    private let sweeper: OutboxSweeper
    private let metrics: CommentMetrics
    /// For the reports.
    let storedComments: StoredComments
    private let depth = Mutex(OutboxDepth(count: 0, oldest: .zero))

    /// - Parameter counters: count what the outbox sweep published.
    init(
        _ database: ServiceDatabase, settings: OutboxSettings, broker: any EventLog, process: ServiceProcess,
        counters: CommentCounters
    ) {
        let store = PostgresCommentStore(pool: database.pool)
        self.database = database
        self.store = store
        self.broker = broker
        metrics = CommentMetrics(process.metrics)
        queue = PublishQueue(broker: broker, metrics: metrics) { store.addPublished($0) }
        sweeper = OutboxSweeper(
            store: store, owner: "\(process.server.instance)-\(process.session)", settings: settings.sweeper,
            logger: process.logger
        ) { entry in
            let position = try await broker.publishOnce(entry)
            if entry.kind == .comment { counters.published(on: entry.channel) }
            return position
        }
        storedComments = StoredComments(store: store) { counters.latest() }
        addGauges(to: process.metrics)
    }

    // MARK: Publishing

    func publish(_ comment: Comment, to channel: Channel) async throws -> Publication {
        try requireDatabase()
        // Do not store what cannot be published now: the client should try again.
        guard broker.isReady else { throw BrokerError(.unavailable, "Redis is away") }
        switch await storeAndPublish(comment, channel) {
        case .success(let position): return Publication(comment: comment, position: position)
        case .failure(let error) where error.code == .duplicate: return try await repeated(comment, channel)
        // Neither published nor a mistake: `202`, and the sweep publishes it when it is approved.
        case .failure(.held): return Publication(comment: comment, position: nil)
        case .failure(let error): throw error
        }
    }

    /// One continuation for both steps: the comment goes from the batch that was committed straight to its partition.
    private func storeAndPublish(_ comment: Comment, _ channel: Channel) async -> Result<Position?, StorageError> {
        let start = ContinuousClock.now
        return await withCheckedContinuation { answer in
            store.submit(comment) { [metrics, queue] result in
                if case .failure(let error) = result { return answer.resume(returning: .failure(error)) }
                metrics.stored(since: start)
                queue.add(comment, to: channel) { answer.resume(returning: .success($0)) }
            }
        }
    }

    /// The first request may still be on its way to Redis, so that nothing may be published here: either it is in the
    /// history, or the first request or the sweep will bring it there.
    private func repeated(_ comment: Comment, _ channel: Channel) async throws -> Publication {
        guard let stored = try await store.comment(id: comment.id), !stored.isRemoved else {
            throw CommentError.idTaken
        }
        var earlier = try Publication.repeated(comment, of: stored.comment, at: stored.position)
        if earlier.position == nil {
            let event = try? await broker.find(CommentEvents.key(ofComment: comment.id), in: channel)
            earlier.position = event?.position
        }
        return earlier
    }

    private func requireDatabase() throws {
        guard database.isReady else { throw StorageError(.unavailable, "PostgreSQL is away") }
    }

    // MARK: Reading and removing

    func history(of channel: Channel, before: String?, limit: Int) async throws -> CommentPage {
        try requireDatabase()
        let page = try await store.history(of: channel, before: before, limit: limit)
        let comments = page.comments.map { stored in
            stored.position.map { stored.comment.json(at: $0) } ?? stored.comment.json()
        }
        return CommentPage(comments: comments, next: page.next)
    }

    func remove(_ request: RemovalRequest) async throws -> RemovalOutcome {
        try requireDatabase()
        let removal = try await store.remove(
            id: request.id, by: request.user ?? "moderator", moderator: request.isModerator)
        switch removal {
        case .notFound: throw CommentError.notFound
        case .forbidden: throw CommentError.forbidden
        case .alreadyRemoved(let stored, isPublished: true):
            return RemovalOutcome(channel: stored.channel, isPublished: true)
        case .removed(let stored), .alreadyRemoved(let stored, isPublished: false):
            return await publishRemoval(of: stored, in: stored.channel)
        }
    }

    /// A comment whose place nobody knows may be on its way to Redis, where its removal must not overtake it. The sweep
    /// publishes the removal then: after the grace nothing is on its way any more.
    private func publishRemoval(of stored: StoredComment, in channel: Channel) async -> RemovalOutcome {
        let id = stored.comment.id
        var place = stored.position
        if place == nil { place = try? await broker.find(CommentEvents.key(ofComment: id), in: channel)?.position }
        guard let place else {
            let told = try? await broker.find(CommentEvents.key(ofRemoval: id), in: channel)
            return RemovalOutcome(channel: channel, isPublished: told != nil)
        }
        let position = try? await broker.publishRemoval(of: id, in: channel, at: place)
        if let position { store.addPublished([PublishedPosition(id: id, kind: .removal, position: position)]) }
        return RemovalOutcome(channel: channel, isPublished: position != nil)
    }

    // MARK: Posts

    /// `nil` when the viewer may not see the post.
    func comments(
        of channel: Channel, for viewer: String?, before: String?, limit: Int
    ) async throws -> Storage.HistoryPage? {
        try requireDatabase()
        return try await store.comments(onPost: channel.id, for: viewer, before: before, limit: limit)
    }

    func comment(_ id: String, for viewer: String?) async throws -> StoredComment? {
        try requireDatabase()
        return try await store.comment(id: id, for: viewer)
    }

    /// Changes a comment and publishes the change; what Redis does not take is published by the sweep.
    func edit(_ id: String, by user: String, text: String, revision: Int) async throws -> StoredComment {
        try requireDatabase()
        switch try await store.edit(id: id, by: user, text: text, revision: revision) {
        case .notFound: throw CommentError.notFound
        case .forbidden: throw CommentError.forbidden
        case .stale(let revision): throw CommentError.stale(revision: revision)
        case .edited(let stored):
            let entry = OutboxEntry(kind: .edit, channel: stored.channel, comment: stored.comment)
            if let position = try? await broker.publishOnce(entry) {
                store.addPublished([
                    PublishedPosition(id: id, kind: .edit, position: position, revision: stored.comment.revision)
                ])
            }
            return stored
        }
    }

    // MARK: Running

    /// Publishes and sweeps until the process stops; then what still waits is published, and its positions are saved.
    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.store.run() }
            group.addTask {
                await cancelWhenGracefulShutdown {
                    guard await self.database.waitUntilMigrated() else { return }
                    await withTaskGroup { outbox in
                        outbox.addTask { await self.sweeper.run() }
                        outbox.addTask { await self.watchDepth() }
                        outbox.addTask { await self.storedComments.run() }
                    }
                }
            }
            await queue.run()
            group.cancelAll()
        }
    }

    /// All replicas see the same outbox. While the database is away the last value stands.
    private func watchDepth() async {
        while !Task.isCancelled {
            if let now = try? await store.outboxDepth() { depth.withLock { $0 = now } }
            try? await Task.sleep(for: Self.gaugeInterval)
        }
    }

    private func addGauges(to registry: PrometheusRegistry) {
        registry.gauge("chorus_record_publish_waiting", "Stored comments that wait to be published.") {
            Double(self.queue.count)
        }
        registry.gauge("chorus_record_marks_waiting", "Positions of published comments that wait to be saved.") {
            Double(self.store.positionsWaiting)
        }
        registry.gauge("chorus_outbox_depth", "Comments and removals stored and not known to be published.") {
            Double(self.depth.withLock { $0.count })
        }
        registry.gauge("chorus_outbox_oldest_seconds", "Age of the oldest of them: the outbox's lag.") {
            self.depth.withLock { $0.oldest } / .seconds(1)
        }
    }
}
