import Audience
import Placement
import RedisNIO
import Testbed

/// What Redis has to do, by slot: so that it can be divided over any number of nodes as a cluster divides it.
struct SlotLoad: Equatable, Sendable {
    /// Publishes, and messages to subscribers.
    struct Load: Equatable, Sendable {
        var publishes = 0.0
        var deliveries = 0.0

        static func + (one: Load, other: Load) -> Load {
            Load(publishes: one.publishes + other.publishes, deliveries: one.deliveries + other.deliveries)
        }
        static func - (one: Load, other: Load) -> Load { one + other * -1 }
        static func * (one: Load, factor: Double) -> Load {
            Load(publishes: one.publishes * factor, deliveries: one.deliveries * factor)
        }
    }

    /// Of all slots before each one, and of all.
    private var sums: [Load]
    /// Of the channel with the most: no second node can take a part of it.
    private(set) var hottest = Load()

    /// - Parameter channels: each with its slot.
    init(_ channels: some Sequence<(slot: Int, load: Load)>) {
        var slots = Array(repeating: Load(), count: HashSlot.count)
        for (slot, load) in channels {
            slots[slot] = slots[slot] + load
            if load.publishes + load.deliveries > hottest.publishes + hottest.deliveries { hottest = load }
        }
        sums = slots.reduce(into: [Load()]) { $0.append(($0.last ?? Load()) + $1) }
    }

    /// A placed audience, its comments in proportion to viewers.
    ///
    /// - Parameter rate: comments a second, over all channels.
    init(_ audience: Audience, _ assignment: Assignment, slots: [Int], rate: Double) {
        let each = rate / Double(max(1, audience.total))
        self.init(
            (0..<audience.channels).lazy.map { channel in
                let comments = Double(audience.viewers[channel]) * each
                let parts = assignment.parts(ofChannel: channel).count
                return (slots[channel], Load(publishes: comments, deliveries: comments * Double(parts)))
            })
    }

    /// Of every channel of an audience.
    static func slots(of audience: Audience) -> [Int] { audience.channelNames.map { HashSlot(key: $0).number } }

    var total: Load { sums.last ?? Load() }

    /// Of each of so many masters, with the slots that they have at the beginning.
    func nodes(_ count: Int) -> [Load] {
        (0..<count).map { node in
            let slots = RedisCluster.slots(ofMaster: node, of: count)
            return sums[slots.upperBound] - sums[slots.lowerBound]
        }
    }

    func times(_ factor: Double) -> SlotLoad {
        var more = self
        more.sums = sums.map { $0 * factor }
        more.hottest = hottest * factor
        return more
    }
}
