public import Broker
import CoreMetrics
import FoundationEssentials
public import Logging
public import Storage
import Wire

/// Handles the rows of ``OutboxTopic/notify``: makes notifications of them, stores these, and sends those that changed live on
/// `user:<owner>`.
public struct NotificationHandler: Sendable {
    private let notifications: any NotificationStore
    private let broker: any Broker
    private let logger: Logger
    private let stored = Counter(label: "chorus_likes_notifications_recorded")
    private let sent = Counter(label: "chorus_likes_notifications_sent")

    public init(notifications: any NotificationStore, broker: any Broker, logger: Logger) {
        self.notifications = notifications
        self.broker = broker
        self.logger = logger
    }

    /// - Throws: ``StorageError``, with code `invalid` for a row that holds no events.
    public func handle(_ rows: [OutboxRow]) async throws {
        let decoder = JSONDecoder()
        let events = try rows.flatMap { row in
            guard let events = try? decoder.decode([NotifyEvent].self, from: Data(row.payload.utf8)) else {
                throw StorageError(.invalid, "the row holds no events")
            }
            return events
        }
        let changed = try await notifications.add(events, completing: rows)
        stored.increment(by: changed.count)
        for notification in changed { await send(notification) }
    }

    /// It is stored: what cannot be sent live is seen when the owner looks.
    private func send(_ notification: UserNotification) async {
        guard let channel = Channel.user(notification.owner) else { return }
        do {
            _ = try await broker.publish(
                EventStream.frame(data: notification.json, event: "notification"), to: channel)
            sent.increment()
        } catch {
            logger.debug("a notification is not sent live", metadata: ["error": "\(error)"])
        }
    }
}

extension UserNotification {
    /// "user9 and 41 others liked your photo".
    public var text: String {
        switch (kind, likers) {
        case (.likes, ...1): "\(newestUser) liked your photo"
        case (.likes, 2): "\(newestUser) and 1 other liked your photo"
        case (.likes, _): "\(newestUser) and \(likers - 1) others liked your photo"
        case (.comment, _): "\(newestUser) commented on your post"
        case (.reply, _): "\(newestUser) replied to your comment"
        case (.mention, _): "\(newestUser) mentioned you"
        case (.follow, _): "\(newestUser) follows you"
        }
    }

    /// The comment that it is about.
    private var comment: String? { kind != .likes && kind != .follow && photo != post ? photo : nil }

    /// As events and answers carry it.
    public var json: [UInt8] {
        var object = JSONText(capacity: 256)
        object.member("id", id)
        object.member("type", kind.rawValue)
        if kind == .likes { object.member("photoid", photo) }
        if let post { object.member("postid", post) }
        if let comment { object.member("commentid", comment) }
        object.member("text", text)
        if kind == .likes { object.member("likers", likers) }
        object.member("newest_user_id", newestUser)
        object.member("newest_at", Timestamp.text(millisecondsSinceEpoch: newestAt / 1_000))
        if kind == .likes {
            object.member("window_start", Timestamp.text(millisecondsSinceEpoch: windowStart / 1_000))
        }
        object.member("unread", isUnread)
        return object.finished()
    }

    /// As `/api/notifications` answers.
    public var plainJSON: [UInt8] {
        var object = JSONText(capacity: 256)
        object.member("id", String(id))
        object.member("message", text)
        object.member("timestamp", Timestamp.text(millisecondsSinceEpoch: newestAt / 1_000))
        object.member("type", kind.rawValue)
        object.member("unread", isUnread)
        object.member("user_id", newestUser)
        if let post = post ?? (kind == .likes ? photo : nil) { object.member("post_id", post) }
        if let comment { object.member("comment_id", comment) }
        return object.finished()
    }
}
