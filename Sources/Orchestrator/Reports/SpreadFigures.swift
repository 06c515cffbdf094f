import Audience
import Placement
import Wire

extension RunReport.Spread {
    /// From what the StatsAPI gathered; `nil` when nobody has subscribed to anything.
    init?(_ spread: Statistics.SubscriptionSpread, predicted: RunReport.Prediction?) {
        guard spread.channels > 0, let mean = spread.meanShare, let min = spread.minShare, let max = spread.maxShare,
            let amplification = spread.amplification
        else { return nil }
        channels = spread.channels
        subscriptions = spread.subscriptions
        redisSubscriptions = spread.redisSubscriptions
        meanShare = mean
        minShare = min
        maxShare = max
        self.amplification = amplification
        weightedAmplification = spread.weightedAmplification
        wastedShare = spread.wastedShare ?? 1 - 1 / amplification
        self.predicted = predicted
    }
}

extension RunReport.Prediction {
    /// What the placement leads to for this audience: by its formula, or placed in a simulation where there is none.
    init(_ audience: Audience, placement: PlacementStrategy, readers: [String]) {
        let outcome: SpreadOutcome
        if let formula = SpreadModel.predict(placement, sizes: audience.sizes, readers: readers.count) {
            outcome = formula
            source = "formula"
        } else {
            outcome = audience.simulation().assign(placement, readers: readers).outcome()
            source = "simulation"
        }
        share = outcome.spread
        amplification = outcome.amplification
        weightedAmplification = outcome.weightedAmplification
        wastedShare = outcome.wastedShare
    }
}

extension RunReport.Reader {
    /// One for each Reader that reported, in the order of their names' numbers.
    static func all(_ statistics: Statistics, predictedShare: Double?) -> [RunReport.Reader] {
        let spread = Dictionary(statistics.subscriptionSpread.readers.map { ($0.instanceId, $0) }) { first, _ in first }
        return statistics.readerApis.readers.map { reader in
            RunReport.Reader(
                name: reader.instanceId, channels: spread[reader.instanceId]?.channels ?? reader.totalSubscribedTopics,
                share: spread[reader.instanceId]?.share ?? 0, predictedShare: predictedShare,
                viewers: reader.activeConnections, messagesReceived: reader.totalMessagesReceived,
                messagesSent: reader.totalMessagesSent, usage: ProcessUsage())
        }.sorted { ($0.name.count, $0.name) < ($1.name.count, $1.name) }
    }
}

extension SubscriptionMap {
    /// From statistics with all channels.
    init(_ statistics: Statistics, title: String) {
        let readers = statistics.readerApis.readers.map { (reader: $0.instanceId, channels: $0.subscribedTopics) }
        self.init(
            title: title, subscribed: readers.sorted { ($0.reader.count, $0.reader) < ($1.reader.count, $1.reader) })
    }
}
