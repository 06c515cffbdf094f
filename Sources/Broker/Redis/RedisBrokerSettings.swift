public import RedisNIO

/// Settings of a ``RedisBroker``.
public struct RedisBrokerSettings: Sendable {
    /// The entries kept of one channel, 1 or more; Redis trims in whole nodes, so up to about a hundred more stay.
    public var historyLength = 1000
    /// Seconds after the last event of a channel until its history expires, 1 or more.
    public var historyTTLSeconds = 3600
    /// Seconds after the last event of a channel until its position is forgotten and a new epoch begins; not less
    /// than `historyTTLSeconds`. Much longer than the history: viewers of a silent channel still hold the position.
    public var positionTTLSeconds = 86_400
    /// Names the connections in `CLIENT LIST` and the probe channel `probe:<instance>`; unique among processes.
    public var instance = "chorus"
    /// Time from one probe of the subscriber connection to the next.
    public var probeInterval: Duration = .seconds(3)
    /// A probe that has not come back after this time costs the subscriber its connection.
    public var probeDeadline: Duration = .seconds(3)
    public var client = RedisClientSettings()
    public var subscriber = RedisSubscriberSettings()

    public init() {}
}
