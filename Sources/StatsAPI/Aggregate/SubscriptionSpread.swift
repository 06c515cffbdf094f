internal import BitCollections
internal import Placement
internal import Wire

/// How many Readers are subscribed to each channel.
struct SubscriptionCounts {
    /// Readers of each channel, by id.
    private(set) var readers: [Int]
    /// Channels with at least one subscription.
    private(set) var union = BitSet()

    init(_ aggregate: Aggregate) {
        var counts = [Int](repeating: 0, count: aggregate.channels.idLimit)
        for record in aggregate.readers.values { record.subscribed.forEach { counts[$0] += 1 } }
        readers = counts
        for (id, count) in counts.enumerated() where count > 0 { union.insert(id) }
    }

    var subscriptions: Int { readers.reduce(0, +) }
}

extension Aggregate {
    /// Spread and amplification, and the spread of random placement.
    func spread(
        counts: SubscriptionCounts, redis: RedisCounts.Count?, listMax: Int
    ) -> Statistics.SubscriptionSpread {
        let channels = counts.union.count
        let all = sortedReaders.map {
            Statistics.SubscriptionSpread.Reader($0.report.instanceId, channels: $0.subscribed.count, of: channels)
        }
        let subscriptions = counts.subscriptions
        var spread = Statistics.SubscriptionSpread(
            channels: channels, subscriptions: subscriptions, readers: Array(all.prefix(listMax)))
        spread.extraSubscriptions = readers.values.reduce(0) { $0 + ($1.report.extraSubscriptions ?? 0) }
        spread.redisSubscriptions = redis?.subscriptions
        spread.redisChannels = redis?.channels
        guard channels > 0 else { return spread }
        let shares = all.map(\.share)
        spread.meanShare = shares.reduce(0, +) / Double(shares.count)
        spread.minShare = shares.min()
        spread.maxShare = shares.max()
        spread.predictedShare = predictedShare()
        spread.amplification = Double(subscriptions) / Double(channels)
        spread.weightedAmplification = weightedAmplification(counts)
        spread.wastedShare = 1 - Double(channels) / Double(subscriptions)
        return spread
    }

    /// Over the channels with a subscription: the others cost nothing.
    private func weightedAmplification(_ counts: SubscriptionCounts) -> Double? {
        var comments = 0.0
        var deliveries = 0.0
        for (id, count) in published where counts.readers[id] > 0 {
            comments += Double(count)
            deliveries += Double(count) * Double(counts.readers[id])
        }
        return comments > 0 ? deliveries / comments : nil
    }

    /// The spread that random placement of the reported viewers would have.
    private func predictedShare() -> Double? {
        var viewers: [Int: Int] = [:]
        for record in readers.values { viewers.merge(record.viewers, uniquingKeysWith: +) }
        guard !viewers.isEmpty else { return nil }
        let subscriptions = viewers.values.reduce(0) {
            $0 + SpreadModel.randomReaders(viewers: $1, readers: readers.count)
        }
        return subscriptions / Double(viewers.count) / Double(readers.count)
    }
}
