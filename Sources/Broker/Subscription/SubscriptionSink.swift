public import Wire

/// Where a ``BrokerSubscriber`` hands what it hears.
///
/// Calls come one after another, in the order in which the broker said it, from the subscriber's event loop: they must
/// not block. From `subscribed` until `connectionLost`, no message of the channel is missing and none comes twice.
/// After `connectionLost` everything still wanted is subscribed again by the subscriber; each channel is whole again
/// only when it was named by `subscribed`, and what was published between must be read from the history.
public protocol SubscriptionSink: AnyObject, Sendable {
    /// Connected; no channel is subscribed yet on this connection.
    func connectionEstablished()
    /// The broker has acknowledged these subscriptions. Subscribing a channel that is subscribed already says it again.
    func subscribed(_ channels: [Channel])
    /// Everything that came with one read, in order. May name a channel that was unsubscribed a moment ago.
    func received(_ messages: [BrokerMessage])
    /// From here on messages may be missing on every channel.
    func connectionLost()
}
