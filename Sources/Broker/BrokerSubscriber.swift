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
/// `subscribed` until `lost`, no message of the channel is missing. After `lost` the subscriber subscribes again what is still
/// wanted of its channels; a channel is whole again only when `subscribed` has named it, and what was published meanwhile must
/// be read from the history. A channel that goes from one server to another may bring messages twice.
public protocol SubscriptionSink: AnyObject, Sendable {
    /// Connected, to one server at least; no channel is subscribed yet on this connection.
    func connectionEstablished()
    /// The broker has acknowledged these subscriptions. A channel that is subscribed already is named again when asked for
    /// again, and when another server has it: something may have been missed then.
    func subscribed(_ channels: [Channel])
    /// Everything that came with one read, in order. May name a channel that was unsubscribed a moment ago.
    func received(_ messages: [BrokerMessage])
    /// From here on messages may be missing on these channels.
    ///
    /// - Parameter isConnected: whether a connection to any server stands, so that other channels go on.
    func lost(_ channels: [Channel], isConnected: Bool)
}
