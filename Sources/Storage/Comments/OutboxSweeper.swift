import CoreMetrics
public import Logging
public import Wire

/// Publishes what was stored and, after a grace, is still not known to be published.
///
/// See ``CommentStore`` for the whole design and for what remains possible.
public struct OutboxSweeper: Sendable {
    public struct Settings: Equatable, Sendable {
        /// Time from one sweep to the next.
        public var interval: Duration = .seconds(2)
        /// What is younger belongs to the write API that stored it. It must not begin to publish after half of this.
        public var grace: Duration = .seconds(10)
        /// Rows of one claim.
        public var limit = 500
        /// How long other sweepers wait for one that has died; longer than one claim takes to publish.
        public var lease: Duration = .seconds(15)
        /// Channels that are published at the same time; within a channel it is one after the other.
        public var channelsMax = 16

        public init() {}
    }

    /// What one sweep did.
    public struct Report: Equatable, Sendable {
        public var published = 0
        /// Publications that failed; each ends its channel's turn, so that nothing overtakes it.
        public var failed = 0

        public init(published: Int = 0, failed: Int = 0) {
            self.published = published
            self.failed = failed
        }
    }

    /// Publishes the event, or finds the place that it has in the channel's history already, in one atomic step.
    public typealias Publish = @Sendable (OutboxEntry) async throws -> Position

    private let store: any CommentStore
    private let owner: String
    private let settings: Settings
    private let logger: Logger
    private let publish: Publish
    private let metrics = StorageMetrics()

    /// - Parameter owner: names this process, for the lease.
    public init(
        store: any CommentStore, owner: String, settings: Settings = Settings(), logger: Logger,
        publish: @escaping Publish
    ) {
        self.store = store
        self.owner = owner
        self.settings = settings
        self.logger = logger
        self.publish = publish
    }

    /// Sweeps once per interval until the task is cancelled, then releases the lease.
    public func run() async {
        while !Task.isCancelled {
            do throws(StorageError) {
                _ = try await sweep()
            } catch {
                logger.warning("the outbox was not swept", metadata: ["storage.error": "\(error)"])
            }
            try? await Task.sleep(for: settings.interval)
        }
        // A cancelled task cannot wait for the pool; if this is lost, the lease ends by itself.
        let (store, owner) = (store, owner)
        await Task { try? await store.releaseClaim(owner: owner) }.value
    }

    /// Claims and publishes until nothing is left or nothing moves.
    public func sweep() async throws(StorageError) -> Report {
        var total = Report()
        while !Task.isCancelled {
            let entries = try await store.claimUnpublished(
                owner: owner, olderThan: settings.grace, limit: settings.limit, lease: settings.lease)
            if entries.isEmpty { break }
            let published = await publishAll(entries)
            try await store.savePublished(published)
            metrics.swept.increment(by: published.count)
            metrics.sweepFailures.increment(by: entries.count - published.count)
            total.published += published.count
            total.failed += entries.count - published.count
            if published.isEmpty || entries.count < settings.limit { break }
        }
        return total
    }

    private func publishAll(_ entries: [OutboxEntry]) async -> [PublishedPosition] {
        let channels = Array(Dictionary(grouping: entries, by: \.channel).values)
        return await withTaskGroup(of: [PublishedPosition].self) { group in
            var published: [PublishedPosition] = []
            for (index, channel) in channels.enumerated() {
                if index >= settings.channelsMax { published += await group.next() ?? [] }
                group.addTask { await publishInOrder(channel) }
            }
            for await part in group { published += part }
            return published
        }
    }

    private func publishInOrder(_ entries: [OutboxEntry]) async -> [PublishedPosition] {
        var published: [PublishedPosition] = []
        for entry in entries {
            do {
                let position = try await publish(entry)
                published.append(
                    PublishedPosition(
                        id: entry.comment.id, kind: entry.kind, position: position, revision: entry.comment.revision))
            } catch {
                logger.warning(
                    "a stored comment could not be published",
                    metadata: ["chorus.channel": "\(entry.channel)", "broker.error": "\(error)"])
                break
            }
        }
        return published
    }
}
