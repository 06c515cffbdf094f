/// What comparing Redis with the record found and did.
public struct ReconcileReport: Codable, Equatable, Sendable {
    public var photos = 0
    /// Parts whose members were compared, and those that Redis does not hold.
    public var partsCompared = 0
    public var partsNotInRedis = 0
    public var members = 0
    /// Likes that Redis has and the record has not, and the other way round.
    public var missingInRecord = 0
    public var missingInRedis = 0
    /// Parts whose set was gone or whose size was not the set's.
    public var wrongSizes = 0
    /// Photos whose count in the record was not the number of likes there.
    public var wrongCounts = 0
    /// Whether what was found has been put right.
    public var isRepaired = false

    public init() {}

    public var differences: Int { missingInRecord + missingInRedis + wrongSizes + wrongCounts }
}
