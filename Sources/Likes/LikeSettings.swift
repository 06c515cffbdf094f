/// How likes are kept.
public struct LikeSettings: Sendable {
    /// What an acknowledgement means.
    public enum Durability: String, Sendable, CaseIterable {
        /// Redis has it, and the stream that leads to the database.
        case redis
        /// The database has it.
        case postgres
    }

    /// Partitions of a photo's likers, 1 to 1,024; the same for all processes on one Redis, for ever.
    public var partitions = 4
    /// Intents of one call, 1 to 4,000 (Lua's `unpack` takes no more than 8,000).
    public var batchMax = 2_000
    /// Intents that wait in one partition; more are refused.
    public var queueMax = 50_000
    /// How long the first intent of a batch waits for company. Zero: only what comes while a call is under way makes
    /// the next batch.
    public var gather: Duration = .zero
    /// Changes that may wait for the database, over all partitions; at the bound likes are refused.
    public var streamMax = 4_000_000
    public var durability = Durability.redis
    /// Whether likes of photos that nobody registered are refused.
    public var requiresRegistration = false
    /// How old the partitions that an answer did not touch may be.
    public var countAgeMax: Duration = .milliseconds(100)
    /// Photos whose partitions are remembered between requests.
    public var countsRemembered = 50_000
    /// State events of one photo, a second.
    public var eventsPerSecond = 10
    /// How long an intent waits until its partition is loaded from the database.
    public var loadTimeout: Duration = .seconds(10)

    public init() {}

    /// Changes that may wait in one partition's stream.
    var partitionStreamMax: Int { max(1, streamMax / max(1, partitions)) }
}
