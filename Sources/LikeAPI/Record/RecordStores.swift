import PostgresLibpq
import Storage

/// The stores of the record.
struct RecordStores: Sendable {
    let likes: any LikeStore
    let notifications: any NotificationStore

    init(likes: any LikeStore, notifications: any NotificationStore) {
        self.likes = likes
        self.notifications = notifications
    }

    /// - Parameter window: likes of one photo within this are one notification.
    init(pool: PostgresPool, window: Duration) {
        var settings = NotificationSettings()
        settings.window = window
        likes = PostgresLikeStore(pool: pool)
        notifications = PostgresNotificationStore(pool: pool, settings: settings)
    }
}
