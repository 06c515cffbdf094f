public import Primitives

/// Settings of a ``RedisClient``.
public struct RedisClientSettings: Sendable {
    public var connection = RedisConnectionSettings()
    /// How many connections are kept, 1 or more.
    public var connections = 2
    /// How long a command may wait for a connection when none stands; zero fails at once.
    public var graceWait: Duration = .milliseconds(250)
    /// The most commands that wait for a connection; more fail at once.
    public var graceWaitersMax = 4096
    public var backoff = Backoff()
    /// A connection that stood this long lets the next attempt begin with the shortest wait again.
    public var stableAfter: Duration = .seconds(1)

    public init() {}
}
