/// What a swarm, or one shard of it, did and found. Version 1.
public struct SwarmReport: Codable, Equatable, Sendable {
    public static let versionCurrent = 1

    public internal(set) var version = SwarmReport.versionCurrent
    public var parameters: Parameters
    /// Shards that this report stands for, `I/N` each.
    public var shards: [Shard]
    public var viewers: Viewers
    public var publishing: Publishing
    public var delivery: DeliveryCounts
    /// From ``latencyHistogram``; written so that nobody needs to read the histogram.
    public internal(set) var latencyMilliseconds: LatencySummary
    public var latencyHistogram: LatencyHistogram { didSet { latencyMilliseconds = LatencySummary(latencyHistogram) } }
    /// The same from the moment at which the arrival process wanted a comment, as users feel it when the generator or the
    /// API is late.
    public var latencyFromDueHistogram: LatencyHistogram
    /// Bytes of the viewers' streams.
    public var bytesReceived: Int
    public var process: Process
    /// The generator was the bottleneck: latencies are the swarm's, not the service's.
    public var generatorLimited: Bool

    public init(
        parameters: Parameters, shard: Shard, viewers: Viewers, publishing: Publishing, delivery: DeliveryCounts,
        latency: LatencyHistogram, latencyFromDue: LatencyHistogram = LatencyHistogram(), bytesReceived: Int,
        process: Process, generatorLimited: Bool
    ) {
        self.parameters = parameters
        self.shards = [shard]
        self.viewers = viewers
        self.publishing = publishing
        self.delivery = delivery
        latencyMilliseconds = LatencySummary(latency)
        latencyHistogram = latency
        latencyFromDueHistogram = latencyFromDue
        self.bytesReceived = bytesReceived
        self.process = process
        self.generatorLimited = generatorLimited
    }
}

extension SwarmReport {
    /// Everything that another run needs to be the same.
    public struct Parameters: Codable, Equatable, Sendable {
        public var streams: Int
        public var viewers: Int
        public var audience: AudienceSpec
        public var seed: UInt64
        /// Comments a second of all shards together.
        public var rate: Double
        public var durationSeconds: Double
        public var warmupSeconds: Double
        public var placement: String
        public var readers: [String]
        /// Comments of a channel under way at once, in a closed loop; `nil` for an open one.
        public var window: Int?
        /// How event ids are read: `chorus` or `plain`.
        public var streamProtocol: String?
        public var channelPrefix: String?
        /// Who comes and goes; `nil` when nobody does.
        public var moves: Moves?
        /// The file of the trace that was replayed.
        public var replay: String?

        public init(
            streams: Int, viewers: Int, audience: AudienceSpec, seed: UInt64, rate: Double, durationSeconds: Double,
            warmupSeconds: Double = 0, placement: String = "random", readers: [String] = [],
            window: Int? = nil, streamProtocol: String? = nil, channelPrefix: String? = nil, moves: Moves? = nil,
            replay: String? = nil
        ) {
            self.streams = streams
            self.viewers = viewers
            self.audience = audience
            self.seed = seed
            self.rate = rate
            self.durationSeconds = durationSeconds
            self.warmupSeconds = warmupSeconds
            self.placement = placement
            self.readers = readers
            self.window = window
            self.streamProtocol = streamProtocol
            self.channelPrefix = channelPrefix
            self.moves = moves
            self.replay = replay
        }
    }

    public struct Viewers: Codable, Equatable, Sendable {
        public var wanted: Int
        public var connected: Int
        public var failed: Int
        /// From the first connect to the last `connected` event; of the slowest shard.
        public var connectSeconds: Double
        /// Connections that were made again after they had broken.
        public var reconnects: Int

        public init(
            wanted: Int = 0, connected: Int = 0, failed: Int = 0, connectSeconds: Double = 0, reconnects: Int = 0
        ) {
            self.wanted = wanted
            self.connected = connected
            self.failed = failed
            self.connectSeconds = connectSeconds
            self.reconnects = reconnects
        }
    }

    /// Comments, in the words of open-loop load: offered = started + dropped, started = acknowledged + failed + open.
    public struct Publishing: Codable, Equatable, Sendable {
        /// Iterations that the arrival process asked for.
        public var offered: Int
        /// Those that were sent.
        public var started: Int
        public var acknowledged: Int
        public var failed: Int
        /// Those that could not start because too many were under way.
        public var dropped: Int
        /// Of the failed ones, those that were refused in an orderly way; `nil` in older reports.
        public var refused: Int?
        /// Of the failed ones, those of which nobody knows whether they were published; `nil` in older reports.
        public var unknown: Int?
        /// Of the failed ones, those that are stored and were to be published later; `nil` in older reports.
        public var stored: Int?

        public init(
            offered: Int = 0, started: Int = 0, acknowledged: Int = 0, failed: Int = 0, dropped: Int = 0,
            refused: Int? = nil, unknown: Int? = nil, stored: Int? = nil
        ) {
            self.offered = offered
            self.started = started
            self.acknowledged = acknowledged
            self.failed = failed
            self.dropped = dropped
            self.refused = refused
            self.unknown = unknown
            self.stored = stored
        }
    }

    /// What the swarm itself cost.
    public struct Process: Codable, Equatable, Sendable {
        /// User and system time, of all shards.
        public var cpuSeconds: Double
        /// Part of the time in which the loop's thread was not waiting; 0 to 1, of the busiest shard.
        public var loopBusyShare: Double
        /// Largest resident set, the sum over the shards.
        public var residentBytesMax: Int

        public init(cpuSeconds: Double = 0, loopBusyShare: Double = 0, residentBytesMax: Int = 0) {
            self.cpuSeconds = cpuSeconds
            self.loopBusyShare = loopBusyShare
            self.residentBytesMax = residentBytesMax
        }
    }
}
