/// How owners are told.
public struct NotificationWorkerSettings: Sendable {
    /// Names the consumer; unique among processes.
    public var instance = "likes"
    /// Time between two looks: the most live events of one owner and photo are one for each.
    public var interval: Duration = .seconds(1)
    /// Entries of one look.
    public var batchMax = 200
    /// Entries that another worker has not finished after this time are taken over.
    public var claimAfter: Duration = .seconds(30)

    public init() {}
}
