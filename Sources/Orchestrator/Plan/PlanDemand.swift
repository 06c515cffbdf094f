import Audience
import Placement

/// What an audience under one placement asks of each of so many Readers, and of Redis. Rates in proportion to viewers.
struct PlanDemand: Codable, Equatable, Sendable {
    var readers: Int
    /// Viewers of the fullest Reader.
    var viewers: Double
    /// Channels of the Reader with the most.
    var channels: Double
    /// Messages from Redis a second, to the Reader that gets the most.
    var messagesPerSecond: Double
    /// Events to viewers a second, of the busiest Reader. That is not the fullest one: a channel's comments go to all of
    /// its viewers, so that a Reader with a part of the hottest channel has more to do than its share of the viewers.
    var deliveriesPerSecond: Double
    /// The most viewers of one channel on one Reader: the last of them waits for all the others.
    var hottestPart: Double
    /// All Readers together.
    var subscriptions: Double
    /// Of Redis, a second.
    var redisDeliveriesPerSecond: Double
    /// Publishes and Redis deliveries a second of the channel with the most: no second node can take a part of them.
    var hottestPublishesPerSecond: Double
    var hottestRedisDeliveriesPerSecond: Double
}

/// Works out demands; for the placements without a closed form by placing the audience.
struct PlanModel {
    let audience: Audience
    /// Comments per second, over all streams.
    let rate: Double
    private let sizes: ChannelSizes
    private let simulation: AssignmentSimulation
    private var leaders: RendezvousLeaders

    init(_ audience: Audience, rate: Double) {
        self.audience = audience
        self.rate = rate
        sizes = audience.sizes
        simulation = audience.simulation()
        leaders = simulation.makeLeaders()
    }

    mutating func demand(_ placement: PlacementStrategy, readers: Int) -> PlanDemand {
        guard placement.followsChannel, readers > 0 else { return dealt(placement, readers: max(1, readers)) }
        let names = AssignmentSimulation.readerNames(readers)
        return counted(simulation.assign(placement, readers: names, leaders: &leaders))
    }

    /// Comments a second of a channel with so many viewers.
    private func rate(viewers: Int) -> Double { rate * Double(viewers) / Double(max(1, audience.total)) }

    /// Viewers anywhere: every Reader is like every other but for chance, and gets a part of every channel.
    private func dealt(_ placement: PlacementStrategy, readers: Int) -> PlanDemand {
        let outcome =
            SpreadModel.predict(placement, sizes: sizes, readers: readers)
            ?? SpreadModel.random(sizes: sizes, readers: readers)
        let hottest = sizes.groups.last?.viewers ?? 0
        let over = outcome.loadMaxOverMean
        let deliveries = sizes.groups.reduce(0) {
            $0 + Double($1.channels) * rate(viewers: $1.viewers) * Double($1.viewers)
        }
        let readersOfHottest = min(Double(readers), SpreadModel.randomReaders(viewers: hottest, readers: readers))
        return PlanDemand(
            readers: readers, viewers: Double(sizes.viewers) / Double(readers) * over,
            channels: outcome.subscriptions / Double(readers),
            messagesPerSecond: rate * outcome.weightedAmplification / Double(readers),
            deliveriesPerSecond: deliveries / Double(readers) * over,
            hottestPart: min(
                Double(hottest),
                Double(hottest) / Double(readers)
                    * LoadImbalance.maxOverMean(pieces: Double(hottest), readers: readers)),
            subscriptions: outcome.subscriptions, redisDeliveriesPerSecond: rate * outcome.weightedAmplification,
            hottestPublishesPerSecond: rate(viewers: hottest),
            hottestRedisDeliveriesPerSecond: rate(viewers: hottest) * readersOfHottest)
    }

    private func counted(_ assignment: Assignment) -> PlanDemand {
        var messages = [Double](repeating: 0, count: assignment.readers)
        var deliveries = messages
        var (part, redis, hottest) = (0, 0.0, (publishes: 0.0, deliveries: 0.0))
        for channel in 0..<assignment.channels {
            let parts = assignment.parts(ofChannel: channel)
            let rate = rate(viewers: audience.viewers[channel])
            for place in parts {
                messages[Int(place.reader)] += rate
                deliveries[Int(place.reader)] += rate * Double(place.viewers)
                part = max(part, Int(place.viewers))
            }
            redis += rate * Double(parts.count)
            if rate * Double(parts.count + 1) > hottest.publishes + hottest.deliveries {
                hottest = (rate, rate * Double(parts.count))
            }
        }
        return PlanDemand(
            readers: assignment.readers, viewers: Double(assignment.loads.max() ?? 0),
            channels: Double(assignment.subscriptions.max() ?? 0), messagesPerSecond: messages.max() ?? 0,
            deliveriesPerSecond: deliveries.max() ?? 0, hottestPart: Double(part),
            subscriptions: Double(assignment.subscriptions.reduce(0, +)), redisDeliveriesPerSecond: redis,
            hottestPublishesPerSecond: hottest.publishes, hottestRedisDeliveriesPerSecond: hottest.deliveries)
    }
}
