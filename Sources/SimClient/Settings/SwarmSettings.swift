internal import Audience

/// Everything that `swarm` was told.
struct SwarmSettings: Sendable {
    var audience: Audience
    var shard: Shard
    var readers: [Endpoint]
    var commentAPIs: [Endpoint]
    var statistics: [Endpoint]
    /// Comments a second of all shards together; 0 in a closed loop.
    var rate: Double
    /// Comments of a channel that may be under way to its viewers at once, in a closed loop; 0: an open loop at `rate`.
    var window = 0
    var publishes = PublishMode.comments
    var streamProtocol = StreamProtocol.chorus
    var arrivals: Arrivals.Process
    var warmupSeconds: Double
    var durationSeconds: Double
    var placement: CrowdSettings.Placement
    var commentBytes: Int
    /// 0 when somebody else writes.
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
            readers: readers.map(\.description), window: window > 0 ? window : nil,
            streamProtocol: streamProtocol == .chorus ? nil : streamProtocol.rawValue,
            channelPrefix: audience.channelPrefix.isEmpty ? nil : audience.channelPrefix)
    }
}
