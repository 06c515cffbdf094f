public import Wire

/// One connection's worth of subscriptions, kept alive and renewed until `run()` ends.
public protocol BrokerSubscriber: Sendable {
    /// Wants the channels from now on. Returns at once; the sink's `subscribed` tells when it is so.
    ///
    /// - Returns: `false` when the limit of channels would be passed; then none of `channels` was taken.
    @discardableResult
    func subscribe(_ channels: [Channel]) -> Bool

    /// Wants the channels no longer. Returns at once; a message on its way may still arrive.
    func unsubscribe(_ channels: [Channel])

    /// Connects and stays connected; returns when the task is cancelled. Call it once.
    func run() async throws
}
