/// Counters of a pool since its start, and two gauges.
public struct PoolStatistics: Equatable, Sendable {
    /// Sessions that are open now.
    public var connected = 0
    /// Jobs that wait now.
    public var waiting = 0
    /// Jobs that were given a connection.
    public var begun = 0
    /// Jobs refused because the queue was full.
    public var refusedFull = 0
    /// Jobs refused or dropped because no connection was up.
    public var refusedUnavailable = 0
    /// Jobs that waited too long.
    public var expired = 0
    /// Jobs whose task was cancelled while they waited.
    public var cancelled = 0
    /// Sessions opened, the first ones included.
    public var connects = 0
    /// Connection attempts that failed.
    public var connectFailures = 0
    /// Sessions that broke.
    public var losses = 0
}
