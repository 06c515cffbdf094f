internal import Placement
internal import Wire

/// On how many Readers each channel is: the base of every number about spread.
struct SubscriptionCounts {
    /// Readers of each channel, by id.
    private(set) var readers: [Int32]
    /// Channels with at least one subscription.
    private(set) var union = ChannelSet()

    init(_ aggregate: Aggregate) {
        var counts = [Int32](repeating: 0, count: aggregate.channels.idLimit)
        for record in aggregate.readers.values { record.subscribed.forEach { counts[Int($0)] += 1 } }
        readers = counts
        for (id, count) in counts.enumerated() where count > 0 { _ = union.insert(Int32(id)) }
    }

    var subscriptions: Int { readers.reduce(0) { $0 + Int($1) } }
}

extension Aggregate {
    /// Spread, amplification and what random placement would lead to.
    func spread(
        counts: SubscriptionCounts, outside: Outside, listMax: Int
    ) -> Statistics.SubscriptionSpread {
        let channels = counts.union.count
        let all = sortedReaders.map {
            Statistics.SubscriptionSpread.Reader($0.report.instanceId, channels: $0.subscribed.count, of: channels)
        }
        let subscriptions = counts.subscriptions
        var spread = Statistics.SubscriptionSpread(
            channels: channels, subscriptions: subscriptions, readers: Array(all.prefix(listMax)))
        spread.redisSubscriptions = outside.redisSubscriptions
        spread.redisChannels = outside.redisChannels
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

    /// Over the channels that are subscribed now: one that nobody watches any more costs nothing.
    private func weightedAmplification(_ counts: SubscriptionCounts) -> Double? {
        var comments = 0.0
        var deliveries = 0.0
        for (id, count) in published where counts.readers[Int(id)] > 0 {
            comments += Double(count)
            deliveries += Double(count) * Double(counts.readers[Int(id)])
        }
        return comments > 0 ? deliveries / comments : nil
    }

    /// What random placement of the viewers that the Readers report would lead to.
    private func predictedShare() -> Double? {
        var viewers: [Int32: Int] = [:]
        for record in readers.values { viewers.merge(record.viewers, uniquingKeysWith: +) }
        let sizes = ChannelSizes(viewers: viewers.values)
        return sizes.channels > 0 ? SpreadModel.random(sizes: sizes, readers: readers.count).spread : nil
    }
}
