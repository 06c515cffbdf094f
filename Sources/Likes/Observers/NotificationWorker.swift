public import Broker
import CoreMetrics
public import Logging
import Primitives
public import RedisNIO
public import Storage
import Wire

/// Tells owners of likes: groups what the queue holds, keeps it in the record, and sends it live on `user:<owner>`.
public final class NotificationWorker: Sendable {
    private let redis: RedisClient
    private let broker: any Broker
    private let notifications: any NotificationStore
    private let settings: NotificationWorkerSettings
    private let logger: Logger
    private let recorded = Counter(label: "chorus_likes_notifications_recorded")
    private let sent = Counter(label: "chorus_likes_notifications_sent")

    private static let group = "notify"

    public init(
        redis: RedisClient, broker: any Broker, notifications: any NotificationStore,
        settings: NotificationWorkerSettings, logger: Logger
    ) {
        self.redis = redis
        self.broker = broker
        self.notifications = notifications
        self.settings = settings
        self.logger = logger
    }

    /// Works until the task is cancelled. Call it once.
    public func run() async {
        var consumer = StreamConsumer(
            redis: redis, streams: [LikeKeys.notifications], group: Self.group, consumer: settings.instance,
            claimAfter: settings.claimAfter)
        var pause = Backoff(base: .milliseconds(100), cap: .seconds(5))
        var lastClaim = ContinuousClock.now
        while !Task.isCancelled {
            do throws(LikeError) {
                if ContinuousClock.now - lastClaim >= settings.claimAfter {
                    lastClaim = .now
                    while !Task.isCancelled, case let claimed = try await consumer.claim(count: settings.batchMax)[0],
                        !claimed.isEmpty
                    {
                        try await handle(claimed)
                    }
                    try await consumer.forgetTheGone()
                }
                let entries = try await consumer.read(count: settings.batchMax)[0]
                try await handle(entries)
                pause.reset()
                // Cancelled while sleeping: the loop's condition ends it.
                if entries.count < settings.batchMax { try? await Task.sleep(for: settings.interval) }
            } catch {
                logger.warning("notifications cannot be handled", metadata: ["error": "\(error)"])
                consumer.readAgain()
                try? await Task.sleep(for: pause.next())
            }
        }
    }

    /// When this throws, the entries stay pending and are read again.
    private func handle(_ entries: [StreamEntry]) async throws(LikeError) {
        guard !entries.isEmpty else { return }
        let quarantine = Quarantine(redis: redis, logger: logger)
        var events: [LikeEvent] = []
        for entry in entries where !entry.isGone {
            if let liked = LikedEntry(entry) {
                events += liked.events
            } else {
                try await quarantine.put(
                    stream: LikeKeys.notifications, id: entry.id, reason: "it is no like", raw: entry.raw)
            }
        }
        for notification in try await record(events) { await send(notification) }
        try await settle(entries.map(\.id))
    }

    private func record(_ events: [LikeEvent]) async throws(LikeError) -> [LikeNotification] {
        guard !events.isEmpty else { return [] }
        do throws(StorageError) {
            let changed = try await notifications.record(events)
            recorded.increment(by: changed.count)
            return changed
        } catch {
            throw LikeError(error)
        }
    }

    /// The record has it: what cannot be sent live is seen when the owner looks.
    private func send(_ notification: LikeNotification) async {
        guard let channel = Channel.user(notification.owner) else { return }
        do {
            _ = try await broker.publish(
                EventStream.frame(data: notification.json, event: "notification"), to: channel)
            sent.increment()
        } catch {
            logger.debug("a notification is not sent live", metadata: ["error": "\(error)"])
        }
    }

    private func settle(_ ids: [String]) async throws(LikeError) {
        do throws(RedisError) {
            let replies = try await redis.send(contentsOf: [
                RedisCommand("XACK", [LikeKeys.notifications, Self.group] + ids),
                RedisCommand("XDEL", [LikeKeys.notifications] + ids),
            ])
            if let failure = replies.lazy.compactMap(\.failure).first { throw failure }
        } catch {
            throw LikeError(error)
        }
    }
}
