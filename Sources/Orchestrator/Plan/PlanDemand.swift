import Audience
import Placement

/// What one Reader, or several that are alike, has to do.
struct ReaderLoad: Equatable, Sendable {
    /// How many are like it.
    var readers: Int
    var connections: Double
    var channels: [FanoutChannels]

    var subscriptions: Double { channels.reduce(0) { $0 + $1.count } }
    var messagesPerSecond: Double { channels.reduce(0) { $0 + $1.count * $1.rate } }
    var deliveriesPerSecond: Double { channels.reduce(0) { $0 + $1.count * $1.rate * $1.viewers } }
    /// The most viewers of one channel.
    var hottestPart: Double { channels.map(\.viewers).max() ?? 0 }
}

/// What an audience under one placement asks of each of so many Readers, and of Redis. Rates in proportion to viewers.
struct PlanDemand: Equatable, Sendable {
    var readers: Int
    /// Viewers of the fullest Reader.
    var viewers: Double
    /// Channels of the Reader with the most.
    var channels: Double
    /// The Reader that makes the most deliveries. It is not the fullest one: a channel's comments go to all of its viewers, so
    /// that a Reader with a part of the hottest channel has more to do than its share of the viewers.
    var busiest: ReaderLoad
    /// All Readers together.
    var subscriptions: Double
    /// Comments a second, over all channels.
    var commentsPerSecond: Double { redis.total.publishes }
    /// Of Redis, a second.
    var redisDeliveriesPerSecond: Double { redis.total.deliveries }
    /// The same by slot.
    var redis: SlotLoad

    /// The same with so many times the comments.
    func times(_ factor: Double) -> PlanDemand {
        var more = self
        more.busiest.channels = busiest.channels.map {
            FanoutChannels(count: $0.count, viewers: $0.viewers, rate: $0.rate * factor)
        }
        more.redis = redis.times(factor)
        return more
    }
}

/// Works out demands; for the placements without a closed form by placing the audience.
struct PlanModel {
    let audience: Audience
    /// Comments per second, over all streams.
    let rate: Double
    private let sizes: ChannelSizes
    private let slots: [Int]
    private let simulation: AssignmentSimulation
    private var leaders: RendezvousLeaders

    init(_ audience: Audience, rate: Double) {
        self.audience = audience
        self.rate = rate
        sizes = audience.sizes
        slots = SlotLoad.slots(of: audience)
        simulation = audience.simulation()
        leaders = simulation.makeLeaders()
    }

    mutating func demand(_ placement: PlacementStrategy, readers: Int) -> PlanDemand {
        let readers = max(1, readers)
        guard placement.followsChannel else { return dealt(placement, readers: readers) }
        return counted(assign(placement, readers))
    }

    /// Every Reader; those that are alike once.
    mutating func loads(_ placement: PlacementStrategy, readers: Int) -> [ReaderLoad] {
        guard placement.followsChannel else { return [share(of: readers, over: 1)] }
        return loads(assign(placement, readers))
    }

    private mutating func assign(_ placement: PlacementStrategy, _ readers: Int) -> Assignment {
        simulation.assign(placement, readers: AssignmentSimulation.readerNames(readers), leaders: &leaders)
    }

    /// Comments a second of a channel with so many viewers.
    private func rate(viewers: Int) -> Double { rate * Double(viewers) / Double(max(1, audience.total)) }

    /// Of viewers who are anywhere: a Reader gets a part of every channel.
    private func share(of readers: Int, over: Double) -> ReaderLoad {
        let channels = sizes.groups.map { group in
            let part = SpreadModel.randomReaders(viewers: group.viewers, readers: readers) / Double(readers)
            return FanoutChannels(
                count: Double(group.channels) * part,
                viewers: min(Double(group.viewers), Double(group.viewers) / Double(readers) / max(part, 1e-12) * over),
                rate: rate(viewers: group.viewers))
        }
        return ReaderLoad(
            readers: readers, connections: Double(sizes.viewers) / Double(readers) * over, channels: channels)
    }

    /// Every Reader is like every other but for chance.
    private func dealt(_ placement: PlacementStrategy, readers: Int) -> PlanDemand {
        let outcome =
            SpreadModel.predict(placement, sizes: sizes, readers: readers)
            ?? SpreadModel.random(sizes: sizes, readers: readers)
        let busiest = share(of: readers, over: outcome.loadMaxOverMean)
        // Thousands of channels have a few sizes.
        let parts = Dictionary(
            uniqueKeysWithValues: sizes.groups.map {
                ($0.viewers, SpreadModel.randomReaders(viewers: $0.viewers, readers: readers))
            })
        let redis = SlotLoad(
            zip(slots, audience.viewers).lazy.map { slot, viewers in
                let comments = rate(viewers: viewers)
                return (slot, .init(publishes: comments, deliveries: comments * (parts[viewers] ?? 0)))
            })
        return PlanDemand(
            readers: readers, viewers: busiest.connections, channels: outcome.subscriptions / Double(readers),
            busiest: busiest, subscriptions: outcome.subscriptions, redis: redis)
    }

    private func loads(_ assignment: Assignment) -> [ReaderLoad] {
        // By viewers here and in all: thousands of small channels are a few kinds.
        var kinds = [[SIMD2<Int>: Double]](repeating: [:], count: assignment.readers)
        for channel in 0..<assignment.channels {
            for part in assignment.parts(ofChannel: channel) {
                kinds[Int(part.reader)][[Int(part.viewers), audience.viewers[channel]], default: 0] += 1
            }
        }
        return kinds.enumerated().map { reader, kinds in
            ReaderLoad(
                readers: 1, connections: Double(assignment.loads[reader]),
                channels: kinds.map { FanoutChannels(count: $1, viewers: Double($0.x), rate: rate(viewers: $0.y)) }
                    .sorted { ($0.viewers, $0.rate) < ($1.viewers, $1.rate) })
        }
    }

    private func counted(_ assignment: Assignment) -> PlanDemand {
        let busiest = loads(assignment).max { $0.deliveriesPerSecond < $1.deliveriesPerSecond }
        return PlanDemand(
            readers: assignment.readers, viewers: Double(assignment.loads.max() ?? 0),
            channels: Double(assignment.subscriptions.max() ?? 0),
            busiest: busiest ?? ReaderLoad(readers: 1, connections: 0, channels: []),
            subscriptions: Double(assignment.subscriptions.reduce(0, +)),
            redis: SlotLoad(audience, assignment, slots: slots, rate: rate))
    }
}
