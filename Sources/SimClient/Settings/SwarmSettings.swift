internal import Audience

/// Everything that `swarm` was told.
struct SwarmSettings: Sendable {
    var audience: Audience
    var shard: Shard
    var readers: [Endpoint]
    var commentAPIs: [Endpoint]
    var statistics: [Endpoint]
    /// Comments a second of all shards together.
    var rate: Double
    var arrivals: Arrivals.Process
    var warmupSeconds: Double
    var durationSeconds: Double
    var placement: CrowdSettings.Placement
    var commentBytes: Int
    var publishConnections: Int
    var connectsInProgress: Int
    var connectSeconds: Double
    var settleSeconds: Double
    var silenceSeconds: Int
    var slowShare: Double
    /// A viewer whose connection broke comes back without any pause.
    var reconnectsAtOnce: Bool
    /// Publishes until it is told to stop, tells the crowd's state ten times a second, and names every comment.
    var isDrill: Bool
    /// Waits for `start` and `expect` on the standard input, and tells its progress in JSON lines.
    var coordinates: Bool
    var writesJSON: Bool

    var parameters: SwarmReport.Parameters {
        SwarmReport.Parameters(
            streams: audience.channels, viewers: audience.total, audience: audience.spec, seed: audience.seed,
            rate: rate,
            durationSeconds: durationSeconds, warmupSeconds: warmupSeconds, placement: placement.rawValue,
            readers: readers.map(\.description))
    }
}
