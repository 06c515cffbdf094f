import Audience
import Placement
import Report
import Testbed

/// All that one scale run found out.
struct ScaleResult: Experiment {
    var settings: ScaleSettings
    var audience: Audience
    /// What the report begins with.
    var base: Report
    /// One placement and number of Readers each, in the order in which they ran; only those that came to their end.
    var cases: [ScaleCase] = []
    /// Which Reader subscribes to which channel, for each placement; the same channels in the same order.
    var maps: [SubscriptionMap] = []
    var processes: [ProcessCosts] = []
}

/// One placement of the audience on one number of Readers.
struct ScaleCase: Sendable {
    var placement: PlacementStrategy
    var readers: Int
    /// The closed form's expectation; `nil` where there is none.
    var formula: SpreadOutcome?
    /// The placement of this very audience as the simulation computes it: its resting point.
    var model: SpreadOutcome
    var subscribing = Subscribing()
    /// While viewers arrived.
    var arriving: [Arriving] = []
    var paced: Paced?
    var burst: Burst?
    var perReader: [Reader] = []
    /// The highest resident memory of every process of the case, added up, with the Orchestrator's own.
    var memoryBytes = 0
    var seconds = 0.0

    struct Subscribing: Sendable {
        /// Redis's own count, the Readers' probe channels left out.
        var subscriptions = 0
        /// Channels with a subscriber, Redis's own count.
        var channels = 0
        /// Of the slowest Reader, from the order to its last viewer.
        var seconds = 0.0
        /// What Redis's memory grew by.
        var redisMemoryBytes = 0
        /// Viewers that a hub refused; 0 or something is wrong.
        var refused = 0
        /// Viewers that were sent to another Reader.
        var redirects = 0
    }

    /// Viewers of each Reader at one moment.
    struct Arriving: Sendable {
        var seconds: Double
        var viewers: [Int]
    }

    /// Comments at the stated rate; every hub delivers to its virtual viewers.
    struct Paced: Sendable {
        var publishes = 0
        /// What Redis answered: subscribers of each publish, added up.
        var redisDeliveries = 0
        /// By how much the latest comment was late, against its schedule.
        var lateMillisecondsMax = 0.0
        /// From the last publish until every hub had delivered everything.
        var settleSeconds = 0.0
        var redisCPUSeconds = 0.0
        var readersCPUSeconds = 0.0
        /// From the publish to each viewer's turn.
        var latency = LatencyHistogram()
    }

    /// As many comments as Redis takes, to subscribers that throw them away.
    struct Burst: Sendable {
        var publishes = 0
        var seconds = 0.0
        var redisDeliveries = 0
        var redisDeliveriesExpected = 0
        var redisCPUSeconds = 0.0
        var bytes = 0
        var bytesExpected = 0
        /// Of the Orchestrator, which publishes and reads: user and system.
        var generatorCPUSeconds = 0.0
        /// Times that the publisher waited for a subscriber.
        var waits = 0
        /// Subscribers that Redis cut for lagging.
        var cut = 0
        /// Of each server.
        var nodes: [Node] = []

        struct Node: Sendable {
            var publishes = 0
            /// To subscribers.
            var messages = 0
            var cpuSeconds = 0.0
        }
    }

    struct Reader: Sendable {
        var name: String
        /// Redis's own count.
        var subscriptions = 0
        var subscriptionsExpected = 0
        var viewers = 0
        var viewersExpected = 0
        /// Of the paced part.
        var messages = 0
        var messagesExpected = 0
        var deliveries = 0
        var deliveriesExpected = 0
        var cpuSeconds = 0.0
        var memoryPeakBytes = 0
    }
}

/// What follows from the measured numbers.
extension ScaleCase {
    /// `PlacementLimits.loadFactor`, for Readers that are not nearly empty.
    static let maxOverMeanMax = 1.25

    var name: String { "\(placement.rawValue), \(readers) Readers" }
    /// Points by which the measured spread is above that of the simulated placement.
    var spreadExcess: Double { (spread - model.spread) * 100 }

    /// Mean over the Readers of the part of all channels that one subscribes to.
    var spread: Double { ratio(subscribing.subscriptions, subscribing.channels * readers) }
    var amplification: Double { ratio(subscribing.subscriptions, subscribing.channels) }
    /// Redis deliveries for one comment: comments follow viewers, so this is amplification weighted.
    var weightedAmplification: Double {
        ratio(
            (paced?.redisDeliveries ?? 0) + (burst?.redisDeliveries ?? 0),
            (paced?.publishes ?? 0) + (burst?.publishes ?? 0))
    }
    var wastedShare: Double {
        subscribing.subscriptions > 0 ? 1 - ratio(subscribing.channels, subscribing.subscriptions) : 0
    }
    var viewersMaxOverMean: Double { maxOverMean(perReader.map(\.viewers)) }
    /// Deliveries of the busiest Reader over the mean: a Reader with a part of the hottest channel has more to do.
    var deliveriesMaxOverMean: Double { maxOverMean(perReader.map(\.deliveries)) }
    var bytesPerSubscription: Double { ratio(subscribing.redisMemoryBytes, subscribing.subscriptions) }
    var subscriptionsPerSecond: Double {
        subscribing.seconds > 0 ? Double(subscribing.subscriptions) / subscribing.seconds : 0
    }
    var deliveries: Int { perReader.reduce(0) { $0 + $1.deliveries } }
    var deliveriesExpected: Int { perReader.reduce(0) { $0 + $1.deliveriesExpected } }

    /// From the publish to a viewer's turn; `nil` without one.
    func latencyMilliseconds(_ percentile: Double) -> Double? {
        paced?.latency.milliseconds(atPercentile: percentile)
    }

    var readersCPUSeconds: Double { paced?.readersCPUSeconds ?? 0 }

    func maxOverMean(_ values: [Int]) -> Double {
        let sum = values.reduce(0, +)
        return sum > 0 ? Double(values.max() ?? 0) * Double(values.count) / Double(sum) : 0
    }

    private func ratio(_ part: Int, _ whole: Int) -> Double { whole > 0 ? Double(part) / Double(whole) : 0 }

    /// What was not as the model says, one sentence each; empty when everything was.
    var faults: [String] {
        var faults: [String] = []
        func compare(_ what: String, _ measured: Int, _ expected: Int) {
            guard measured != expected else { return }
            faults.append(
                "\(name): \(Format.grouped(measured)) \(what), and \(Format.grouped(expected)) were to be expected")
        }
        for reader in perReader {
            compare("subscriptions of \(reader.name)", reader.subscriptions, reader.subscriptionsExpected)
            compare("viewers on \(reader.name)", reader.viewers, reader.viewersExpected)
            compare("messages to \(reader.name)", reader.messages, reader.messagesExpected)
            compare("deliveries by \(reader.name)", reader.deliveries, reader.deliveriesExpected)
        }
        if let burst {
            compare("deliveries by Redis in the burst", burst.redisDeliveries, burst.redisDeliveriesExpected)
            compare("bytes to subscribers in the burst", burst.bytes, burst.bytesExpected)
            compare("subscribers cut by Redis", burst.cut, 0)
        }
        compare("viewers refused", subscribing.refused, 0)
        if placement == .overflow, viewersMaxOverMean > ScaleCase.maxOverMeanMax {
            faults.append(
                "\(name): the fullest Reader held \(Format.decimal(viewersMaxOverMean, 3)) times the mean after the last"
                    + " connect, and \(ScaleCase.maxOverMeanMax) is the most")
        }
        return faults
    }
}

extension ScaleCase.Burst {
    /// Comments a second that Redis took.
    var perSecond: Double { seconds > 0 ? Double(publishes) / seconds : 0 }
    /// The same for a second of Redis's processor time: what a busy machine does not disturb.
    var perCPUSecond: Double { redisCPUSeconds > 0 ? Double(publishes) / redisCPUSeconds : 0 }
    var microsecondsPerPublish: Double { publishes > 0 ? redisCPUSeconds * 1e6 / Double(publishes) : 0 }
    /// Part of the time in which Redis was on a core.
    var redisShare: Double { seconds > 0 ? redisCPUSeconds / seconds : 0 }
    var deliveriesPerSecond: Double { seconds > 0 ? Double(redisDeliveries) / seconds : 0 }

    /// What held it back.
    var limit: String {
        if redisShare >= 0.85 {
            return "Redis: its one thread was busy \(Format.percent(min(redisShare, 1))) of the time"
        }
        if waits > 0 { return "the subscribers: the publisher waited for them \(Format.grouped(waits)) times" }
        return
            "the machine: Redis was on a core \(Format.percent(redisShare)) of the time; see the figure for a second of its"
            + " processor time"
    }
}
