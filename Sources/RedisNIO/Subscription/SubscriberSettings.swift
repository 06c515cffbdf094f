public import Primitives

/// Settings of a ``RedisSubscriber``.
public struct RedisSubscriberSettings: Sendable {
    /// For everything from the first packet to the last reply of the login.
    public var connectTimeout: Duration = .seconds(2)
    /// What `CLIENT LIST` shows; letters, digits, `-`, `_` and `:` only. Empty: no name.
    public var name = ""
    /// Silence after which PING is sent.
    public var pingInterval: Duration = .seconds(2)
    /// Silence after PING that ends the connection.
    public var pingTimeout: Duration = .seconds(2)
    /// The most channels wanted at once.
    public var channelsMax = 1_000_000
    public var backoff = Backoff()
    /// A connection that stood this long lets the next attempt begin with the shortest wait again.
    public var stableAfter: Duration = .seconds(1)

    public init() {}
}
