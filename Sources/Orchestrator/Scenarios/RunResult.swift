import Audience
import Placement
import Report
import Testbed
import Wire

/// All that one run measured.
struct RunResult: Experiment {
    var settings: RunSettings
    var plan: ProcessPlan
    /// What the report begins with.
    var base: Report
    /// Parts of the run and how long each took.
    var phases: [(name: String, seconds: Double)] = []
    var connections = SwarmReport.Viewers()
    var readers: [Reader] = []
    var spread: Spread?
    /// Whom the formula of the spread is about; `nil` where nobody has counted them.
    var audience: Audience?
    /// All swarms together.
    var swarm: SwarmReport?
    /// From the start of publishing to its end, while all viewers are connected.
    var redis: RedisFigures?
    /// Likes beside the comments; `nil` without.
    var likes: LikesResult.Outcome?
    /// Once a second while publishing; at most ``samplesMax``.
    var timeline: [Sample] = []
    /// Which Reader subscribes to what, while all viewers are connected.
    var map: SubscriptionMap?
    var people: [Person] = []
    /// What is done to the services at times, and what was.
    var faults: [TimedFault] = []
    var faultLog = FaultLog()
    /// Loads that were to follow one another, and what became of them.
    var plannedStages: [RunStage] = []
    var stages: [RunStage.Result] = []
    var processes: [ProcessCosts] = []

    static let samplesMax = 3_600

    /// All swarms together, since the start of publishing.
    struct Sample: Sendable {
        var seconds: Double
        var acknowledged: Int
        var delivered: Int
        /// Since comments were due, of this second; empty while nothing came, or while warming up.
        var latency: LatencySummary?
    }

    /// One Reader, while all viewers are connected.
    struct Reader: Sendable {
        var name: String
        /// Channels that it subscribes to.
        var channels: Int
        /// Part of all channels that somebody watches.
        var share: Double
        /// What the placement's formula says for this audience; `nil` where there is none.
        var predictedShare: Double?
        var viewers: Int
        var messagesReceived: Int
        var messagesSent: Int
        var usage = ProcessUsage()
    }

    /// One watching person of the preset `seed`, and the comments that every person must or must not have got.
    struct Person: Sendable {
        var name: String
        var user: String
        var video: String
        var generated: Int
        var consumed: Int
        /// Comments on this video that did not come.
        var missed: [String]
        /// Comments on another video that came.
        var foreign: [String]
    }

    /// How far the subscriptions spread over the Readers: measured, and as the model predicts for the same audience.
    struct Spread: Sendable {
        var measured: Statistics.SubscriptionSpread
        var predicted: SpreadOutcome?

        /// `nil` when nobody has subscribed to anything.
        init?(_ measured: Statistics.SubscriptionSpread, predicted: SpreadOutcome?) {
            guard measured.channels > 0 else { return nil }
            (self.measured, self.predicted) = (measured, predicted)
        }
    }
}

extension SpreadOutcome {
    /// What the placement leads to for this audience: by its formula, or placed in a simulation where there is none.
    static func predicted(_ audience: Audience, placement: PlacementStrategy, readers: [String]) -> SpreadOutcome {
        SpreadModel.predict(placement, sizes: audience.sizes, readers: readers.count)
            ?? audience.simulation().assign(placement, readers: readers).outcome()
    }
}

extension RunResult.Reader {
    /// One for each Reader that reported, in the order of their names' numbers.
    static func all(_ statistics: Statistics, predictedShare: Double?) -> [RunResult.Reader] {
        let spread = Dictionary(statistics.subscriptionSpread.readers.map { ($0.instanceId, $0) }) { first, _ in first }
        return statistics.readerApis.readers.map { reader in
            RunResult.Reader(
                name: reader.instanceId, channels: spread[reader.instanceId]?.channels ?? reader.totalSubscribedTopics,
                share: spread[reader.instanceId]?.share ?? 0, predictedShare: predictedShare,
                viewers: reader.activeConnections, messagesReceived: reader.totalMessagesReceived,
                messagesSent: reader.totalMessagesSent)
        }.sorted { ($0.name.count, $0.name) < ($1.name.count, $1.name) }
    }
}
