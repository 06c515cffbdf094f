/// How changes are carried to the record.
public struct RecordWorkerSettings: Sendable {
    /// Names the consumer; unique among processes, and best the same after a restart.
    public var instance = "likes"
    /// Time between two looks when there is little to do; under load the next batch follows at once.
    public var interval: Duration = .seconds(1)
    /// Tasks, each with a share of the parts; 1 to the number of parts.
    public var tasks = 2
    /// Changes that one batch aims at.
    public var batchChanges = 40_000
    /// Entries that another worker has not finished after this time are taken over.
    public var claimAfter: Duration = .seconds(30)
    /// Entries that the queue of notifications holds; more likes are not notified of.
    public var notificationsMax = 100_000

    /// Rows of likes that were taken back are kept so long, to refuse changes that come late.
    public var withdrawnAge: Duration = .seconds(30 * 86_400)
    /// Time from one look for such rows to the next.
    public var purgeInterval: Duration = .seconds(3_600)

    public init() {}
}
