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

/// Takes what a ``BrokerSubscriber`` receives.
///
/// Calls come one after another, in the broker's order, from the subscriber's event loop: they must not block. From
/// `subscribed` until `connectionLost`, no message of the channel is missing and none comes twice. After
/// `connectionLost` the subscriber subscribes everything again that is still wanted; a channel is whole again only when
/// `subscribed` has named it, and what was published meanwhile must be read from the history.
public protocol SubscriptionSink: AnyObject, Sendable {
    /// Connected; no channel is subscribed yet on this connection.
    func connectionEstablished()
    /// The broker has acknowledged these subscriptions. A channel that is subscribed already is named again when asked for again.
    func subscribed(_ channels: [Channel])
    /// Everything that came with one read, in order. May name a channel that was unsubscribed a moment ago.
    func received(_ messages: [BrokerMessage])
    /// From here on messages may be missing on every channel.
    func connectionLost()
}
