import Broker
import Wire

@testable import RedisNIO

/// What subscribers connect to.
protocol SimulatedServer: AnyObject {
    var isUp: Bool { get }
    func arrive(after delay: UInt64, _ action: @escaping () -> Void)
    func disconnect(_ connection: SubscriberConnection)
    /// `nil`: the channel may be subscribed here.
    func refusal(ofSubscribing channel: String, isAsking: Bool) -> RedisError?
}

/// What a Reader subscribes with.
protocol SimulatedSubscriber: AnyObject {
    func connect()
    func subscribe(_ channel: Channel)
    func unsubscribe(_ channel: Channel)
    func cut()
    func stall(_ span: UInt64)
    func stutter(_ span: UInt64)
    func close()
}

/// One subscriber connection, seen from Redis: what is subscribed on it, and what is on its way to the Reader.
final class SubscriberConnection {
    enum Item {
        /// Redis has carried out a command for these channels, subscribing or unsubscribing.
        case acknowledged([String])
        /// A node of a cluster has not the slot.
        case refused([String], RedisError)
        /// It has it no more, which nobody asked for.
        case dropped([String])
        case message(BrokerMessage)
        case end
    }

    private unowned let world: World
    private unowned let server: any SimulatedServer
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
    init(world: World, server: any SimulatedServer, deliver: @escaping ([Item]) -> Void) {
        self.world = world
        self.server = server
        self.deliver = deliver
    }

    /// Commands reach Redis in the order in which they were sent.
    func send(subscribe: [String], unsubscribe: [String], isAsking: Bool = false) {
        lastRequest = max(lastRequest, world.now + world.latency())
        server.arrive(after: lastRequest - world.now) {
            guard !self.isBroken, self.server.isUp else { return }
            for channel in unsubscribe { self.subscribed.remove(channel) }
            // One acknowledgement for each channel, one read for some of them.
            for channel in unsubscribe { self.put(.acknowledged([channel])) }
            for channel in subscribe {
                if let refusal = self.server.refusal(ofSubscribing: channel, isAsking: isAsking) {
                    self.put(.refused([channel], refusal))
                } else {
                    self.subscribed.insert(channel)
                    self.put(.acknowledged([channel]))
                }
            }
        }
    }

    /// The server ends subscriptions unasked.
    func drop(where isLost: (String) -> Bool) {
        for channel in subscribed.sorted() where isLost(channel) {
            subscribed.remove(channel)
            put(.dropped([channel]))
        }
    }

    /// The Reader lets go of it.
    func close() {
        isBroken = true
        way = []
        server.disconnect(self)
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
        server.disconnect(self)
        let arriving = world.random.index(below: way.count + 1)
        way.removeLast(way.count - arriving)
        let noticed = max(world.now + span + world.latency(), way.last?.time ?? 0)
        way.append((noticed, .end))
        world.after(noticed - world.now) { self.arrive(by: noticed) }
    }
}
