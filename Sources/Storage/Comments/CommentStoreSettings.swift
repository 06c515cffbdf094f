/// Limits of the record of comments.
public struct CommentStoreSettings: Equatable, Sendable {
    /// Rows of one statement; 1 to 10,000.
    public var batchMax = 512
    /// Multi-row statements on their way at a time. One keeps the order of storing the order of arrival, and the
    /// largest batches; more help only when the database has processors to spare.
    public var flightsMax = 1
    /// Comments that wait for a statement; one more is refused with `overloaded`.
    public var waitingMax = 8192
    /// How long a comment may wait without being sent before it fails with `timeout`.
    public var waitMax: Duration = .seconds(3)
    /// How long a statement waits for company when far fewer comments wait than the last one carried; under 1 s. A
    /// comment that comes alone never waits.
    public var gather: Duration = .milliseconds(1)
    /// Marks that wait; more are dropped and left to the outbox sweep.
    public var marksMax = 65_536
    /// How often marks are written.
    public var markInterval: Duration = .milliseconds(50)

    public init() {}
}
