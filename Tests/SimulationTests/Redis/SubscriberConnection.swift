import Broker
import Wire

/// One subscriber connection, seen from Redis: what is subscribed on it, and what is on its way to the Reader.
final class SubscriberConnection {
    enum Item {
        /// Redis has carried out a command for these channels, subscribing or unsubscribing.
        case acknowledged([String])
        case message(BrokerMessage)
        case end
    }

    private unowned let world: World
    private unowned let redis: SimulatedRedis
    private let deliver: ([Item]) -> Void
    private var subscribed: Set<String> = []
    private var way: [(time: UInt64, item: Item)] = []
    private var lastRequest: UInt64 = 0
    private var lastArrival: UInt64 = 0
    /// Redis has let go of it; the Reader may not know yet.
    private(set) var isBroken = false
    /// Everything comes twice until then, and some of it a third time later.
    private var stuttersUntil: UInt64 = 0
    private var last: BrokerMessage?

    /// - Parameter deliver: called with what comes in one read, in order. After `end` nothing comes.
    init(world: World, deliver: @escaping ([Item]) -> Void) {
        self.world = world
        self.redis = world.redis
        self.deliver = deliver
        redis.connect(self)
    }

    /// Commands reach Redis in the order in which they were sent.
    func send(subscribe: [String], unsubscribe: [String]) {
        lastRequest = max(lastRequest, world.now + world.latency())
        redis.arrive(after: lastRequest - world.now) {
            guard !self.isBroken, self.redis.isUp else { return }
            for channel in unsubscribe { self.subscribed.remove(channel) }
            for channel in subscribe { self.subscribed.insert(channel) }
            // One acknowledgement for each channel, one read for some of them.
            for channel in unsubscribe + subscribe { self.put(.acknowledged([channel])) }
        }
    }

    /// The Reader lets go of it.
    func close() {
        isBroken = true
        way = []
        redis.disconnect(self)
    }

    func offer(_ message: BrokerMessage) {
        guard subscribed.contains(message.channel.name) else { return }
        put(.message(message))
        guard world.now < stuttersUntil else { return }
        world.coverage.duplicates += 1
        put(.message(message))
        if let last, world.random.chance(300) { put(.message(last)) }
        last = message
    }

    /// Messages come more than once for a while, also out of their order.
    func stutter(_ span: UInt64) { stuttersUntil = world.now + span }

    private func put(_ item: Item) {
        // Much of what is sent together is read together.
        if world.random.chance(600) || lastArrival <= world.now {
            lastArrival = max(lastArrival, world.now + world.latency())
        }
        way.append((lastArrival, item))
        let time = lastArrival
        world.after(time - world.now) { self.arrive(by: time) }
    }

    private func arrive(by time: UInt64) {
        let count = way.firstIndex { $0.time > time } ?? way.count
        guard count > 0 else { return }
        let items = way[..<count].map(\.item)
        way.removeFirst(count)
        deliver(items)
    }

    /// Nothing arrives for a while.
    func stall(_ span: UInt64) { lastArrival = max(lastArrival, world.now) + span }

    /// The connection breaks. Of what is on its way only a part arrives, and the Reader notices `within` nanoseconds.
    func broken(within span: UInt64) {
        guard !isBroken else { return }
        isBroken = true
        redis.disconnect(self)
        let arriving = world.random.index(below: way.count + 1)
        way.removeLast(way.count - arriving)
        let noticed = max(world.now + span + world.latency(), way.last?.time ?? 0)
        way.append((noticed, .end))
        world.after(noticed - world.now) { self.arrive(by: noticed) }
    }
}
