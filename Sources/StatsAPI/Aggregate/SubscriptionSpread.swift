internal import BitCollections
internal import Glibc
internal import Placement
internal import Wire

/// How many Readers are subscribed to each channel.
struct SubscriptionCounts {
    /// Readers of each channel, by id.
    let readers: [Int32]
    /// Channels with at least one subscription.
    private(set) var union = BitSet()
    private(set) var subscriptions = 0

    init(_ aggregate: Aggregate) {
        readers = aggregate.channels.readers
        for (id, count) in readers.enumerated() where count > 0 {
            union.insert(id)
            subscriptions += Int(count)
        }
    }
}

/// What random placement of the reported viewers leads to, beside what was measured.
struct RandomPlacement {
    /// Mean over channels with viewers of 1-(1-1/R)^n.
    private(set) var share = 0.0
    /// How far chance alone carries the mean: one standard deviation.
    private(set) var deviation = 0.0
    /// Channels in groups by their audience, up to 10 viewers one group each.
    private(set) var curve: [SpreadPoint] = []

    /// Audiences whose outcome is computed once: most channels have few viewers.
    private static let knownMax = 1_024

    /// `nil` without viewers. Channels do not depend on each other, so variances add.
    init?(_ channels: ChannelTable, readers: Int) {
        var known: [(mean: Double, variance: Double)?] = Array(repeating: nil, count: Self.knownMax)
        var groups: [SpreadPoint] = []
        var (mean, variance, watched) = (0.0, 0.0, 0)
        for (id, viewers) in channels.viewers.enumerated() where viewers > 0 {
            let outcome =
                viewers < Self.knownMax
                ? known[viewers] ?? Self.outcome(viewers, readers) : Self.outcome(viewers, readers)
            if viewers < Self.knownMax { known[viewers] = outcome }
            mean += outcome.mean
            variance += outcome.variance
            watched += 1
            let group = SpreadPoint.group(viewers: viewers)
            while group >= groups.count { groups.append(SpreadPoint()) }
            groups[group].add(viewers: viewers, readers: Int(channels.readers[id]), predicted: outcome.mean)
        }
        guard watched > 0, readers > 0 else { return nil }
        let places = Double(watched) * Double(readers)
        (share, deviation) = (mean / places, variance.squareRoot() / places)
        curve = groups.filter { $0.channels > 0 }.map { $0.mean(readers: readers) }
    }

    private static func outcome(_ viewers: Int, _ readers: Int) -> (mean: Double, variance: Double) {
        (
            SpreadModel.randomReaders(viewers: viewers, readers: readers),
            SpreadModel.randomReadersVariance(viewers: viewers, readers: readers)
        )
    }
}

/// Channels of about the same audience.
struct SpreadPoint: Equatable {
    private(set) var channels = 0
    /// Mean of their viewers.
    private(set) var viewers = 0.0
    /// Mean part of the Readers that are subscribed.
    private(set) var measured = 0.0
    /// What random placement leads to.
    private(set) var predicted = 0.0

    /// Groups from 11 viewers on are a quarter wide.
    static func group(viewers: Int) -> Int {
        viewers <= 10 ? viewers : 10 + Int((log(Double(viewers) / 10) / log(1.25)).rounded(.up))
    }

    fileprivate mutating func add(viewers: Int, readers: Int, predicted: Double) {
        channels += 1
        self.viewers += Double(viewers)
        measured += Double(readers)
        self.predicted += predicted
    }

    fileprivate func mean(readers: Int) -> SpreadPoint {
        var mean = self
        mean.viewers /= Double(channels)
        mean.measured /= Double(channels * readers)
        mean.predicted /= Double(channels * readers)
        return mean
    }
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
        spread.predictedShare = RandomPlacement(self.channels, readers: readers.count)?.share
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
}
