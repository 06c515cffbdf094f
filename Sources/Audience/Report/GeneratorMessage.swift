public typealias SwarmMessage = GeneratorMessage<SwarmReport>
public typealias LikesMessage = GeneratorMessage<LikeSwarmReport>

/// What a generator that is led says on standard output, one JSON object a line.
public struct GeneratorMessage<Report: Codable & Equatable & Sendable>: Codable, Equatable, Sendable {
    /// How the viewers of one swarm are, in a drill.
    public struct CrowdState: Codable, Equatable, Sendable {
        /// µs since 1970.
        public var at: Int64 = 0
        public var watching = 0
        /// Viewers that are not connected.
        public var away = 0
        /// Connected viewers that lack something that was acknowledged a moment ago.
        public var behind = 0
        /// Until when (µs since 1970) everybody has had everything; 0: never.
        public var wholeThrough: Int64 = 0
        /// Comments that were answered, and not acknowledged, since publishing began.
        public var unacknowledged = 0
        /// Connections that were started, and those that got their first event, since the start.
        public var attempts = 0
        public var connects = 0

        public init() {}
    }

    /// How far people are who like, and their viewers, since the start.
    public struct LikesState: Codable, Equatable, Sendable {
        public var seconds = 0.0
        public var acknowledged = 0
        public var refused = 0
        public var unanswered = 0
        /// People who are not done.
        public var underWay = 0
        /// Counts that viewers got.
        public var updates = 0

        public init() {}
    }

    /// In the order in which they come; `published` from swarms only.
    public enum Event: String, Codable, Sendable {
        case connected, progress, stage, published, report
    }

    public private(set) var event: Event
    public private(set) var viewers: Int?
    public private(set) var failed: Int?
    /// Of connecting; in progress, since publishing began, exactly, where `second` only counts.
    public private(set) var seconds: Double?
    public private(set) var second: Double?
    public private(set) var delivered: Int?
    public private(set) var acknowledged: Int?
    public private(set) var crowd: CrowdState?
    public private(set) var likes: LikesState?
    public private(set) var channels: [String: ChannelComments]?
    public private(set) var report: Report?
    /// Since comments were due: of a stage; in progress, once a second, of what came since the last one.
    public private(set) var latency: LatencyHistogram?

    public init(event: Event, viewers: Int? = nil, failed: Int? = nil) {
        (self.event, self.viewers, self.failed) = (event, viewers, failed)
    }

    /// Every viewer has been tried.
    public static func connected(viewers: Int, failed: Int, seconds: Double) -> Self {
        var message = Self(event: .connected, viewers: viewers, failed: failed)
        message.seconds = seconds
        return message
    }

    /// While publishing; numbers since its start.
    public static func progress(
        second: Double, seconds: Double? = nil, delivered: Int, acknowledged: Int, crowd: CrowdState? = nil,
        latency: LatencyHistogram? = nil
    ) -> Self {
        var message = Self(event: .progress)
        (message.second, message.seconds, message.crowd) = (second, seconds, crowd)
        (message.delivered, message.acknowledged, message.latency) = (delivered, acknowledged, latency)
        return message
    }

    /// While people like.
    public static func progress(_ likes: LikesState) -> Self {
        var message = Self(event: .progress)
        message.likes = likes
        return message
    }

    /// A stage is over; numbers since the start of publishing, latencies of this stage.
    public static func stage(_ latency: LatencyHistogram, delivered: Int, acknowledged: Int) -> Self {
        var message = Self(event: .stage)
        (message.latency, message.delivered, message.acknowledged) = (latency, delivered, acknowledged)
        return message
    }

    /// Publishing is over.
    public static func published(_ channels: [String: ChannelComments]) -> Self {
        var message = Self(event: .published)
        message.channels = channels
        return message
    }

    public static func report(_ report: Report) -> Self {
        var message = Self(event: .report)
        message.report = report
        return message
    }

    /// `nil` for a line that is none of these.
    public init?(line: String) {
        guard let message: Self = JSONLine.read(line) else { return nil }
        let isWhole =
            switch message.event {
            case .connected: message.viewers != nil
            case .progress: true
            case .stage: message.latency != nil
            case .published: message.channels != nil
            case .report: message.report != nil
            }
        guard isWhole else { return nil }
        self = message
    }

    public var line: String { JSONLine.text(self) }
}

/// What a led crowd does from an order on, until the next one: `{"stage":{"churn":0,"rate":5,"viewers":200}}`.
public struct LoadStage: Codable, Equatable, Sendable {
    /// Comments a second, of all shards together.
    public var rate: Double
    /// Part of the viewers that leave each minute, and others come for them.
    public var churn: Double
    /// Viewers of all shards together who watch then, drawn from the audience; `nil`: as many as before.
    public var viewers: Int?

    public init(rate: Double, churn: Double = 0, viewers: Int? = nil) {
        (self.rate, self.churn, self.viewers) = (rate, churn, viewers)
    }
}

/// What a generator reads that is led over its standard input.
public enum GeneratorOrder: Equatable, Sendable {
    case start
    /// The end of publishing, or of liking.
    case stop
    /// Everything that was written, by channel name: what every viewer has to get.
    case expect([String: ChannelComments])
    /// What the crowd does from now on; of a swarm with `--stages`.
    case stage(LoadStage)

    private struct Members: Codable {
        var expect: [String: ChannelComments]?
        var stage: LoadStage?
    }

    /// `nil` for a line that is none of these.
    public init?(line: String) {
        let words = line.split(whereSeparator: \.isWhitespace)
        switch words.count == 1 ? words[0] : "" {
        case "start": self = .start
        case "stop": self = .stop
        default:
            let read: Members? = JSONLine.read(line)
            let order = read?.expect.map(Self.expect) ?? read?.stage.map(Self.stage)
            guard let order else { return nil }
            self = order
        }
    }

    public var line: String {
        switch self {
        case .start: "start"
        case .stop: "stop"
        case .expect(let written): JSONLine.text(Members(expect: written))
        case .stage(let stage): JSONLine.text(Members(stage: stage))
        }
    }
}
