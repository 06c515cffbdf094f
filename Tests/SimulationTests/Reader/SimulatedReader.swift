import Broker
import Wire

@testable import Fanout

/// One Reader: the real core and the real desks of its loops; played are its subscriber, its lanes and its sockets.
final class SimulatedReader: CustomStringConvertible {
    unowned let world: World
    let number: Int
    /// Counts the processes that were this Reader, one after the other.
    let life: Int
    var core: HubCore<SimulatedConnect>
    private(set) var loops: [SimulatedLoop] = []
    private(set) var link: SimulatedLink!
    private(set) var isAlive = true
    private(set) var isStopping = false
    /// Messages that came from Redis.
    private(set) var messages = 0
    /// Channels whose history is being read for viewers who came back.
    var reading: Set<Channel> = []

    init(world: World, number: Int, life: Int) {
        self.world = world
        self.number = number
        self.life = life
        let plan = world.plan
        core = HubCore(
            settings: .init(
                channels: .init(loops: plan.loops, cooldownNanoseconds: plan.cooldown, channelsMax: 100),
                connectionsMax: 1000, subscribeTimeoutNanoseconds: 1_000_000_000))
        loops = (0..<plan.loops).map { SimulatedLoop(reader: self, number: $0) }
        link = SimulatedLink(world: world, reader: self)
    }

    var description: String { "reader \(number)" + String(repeating: "'", count: life) }

    func start() {
        link.connect()
        tick()
    }

    private func tick() {
        world.after(250_000_000) {
            guard self.isAlive else { return }
            self.carryOut(self.core.tick(now: self.world.now))
            self.subscribeAsOrdered()
            self.tick()
        }
    }

    // MARK: Faults

    func crash() {
        isAlive = false
        isStopping = true
        link.close()
        for loop in loops { loop.crash() }
    }

    func drain(over span: Duration) {
        isStopping = true
        world.note("\(self): drains")
        core.isDraining = true
        let seconds = Double(span.components.attoseconds) / 1e18 + Double(span.components.seconds)
        for loop in loops { loop.submit(.drain(seconds: seconds, retryMillisecondsMax: 300)) }
    }

    // MARK: Errands

    /// Does what the hub's shell does. Hash tables stand behind some lists, so these are sorted: the seed decides alone.
    func carryOut(_ errands: Errands<SimulatedConnect>) {
        if let deliveries = errands.deliveries {
            for (loop, entries) in deliveries.byLoop.enumerated() where !entries.isEmpty {
                loops[loop].submit(.append(entries), weight: deliveries.bytes[loop])
            }
        }
        for reading in errands.locate.sorted(by: { $0.channel < $1.channel }) { locate(reading) }
        for reading in errands.repair.sorted(by: { $0.channel < $1.channel }) { repair(reading) }
        for group in errands.resume { resume(group) }
        for answer in errands.answers.sorted(by: { $0.chair.number < $1.chair.number }) {
            answer.chair.answered(answer.isAdmitted)
        }
    }

    func subscribeAsOrdered() {
        let orders = core.takeSubscriptionOrders().map { order -> (Channel, Bool) in
            switch order {
            case .subscribe(let channel): (channel, true)
            case .unsubscribe(let channel): (channel, false)
            default: preconditionFailure("no order for a subscriber: \(order)")
            }
        }
        // What is ordered for one channel keeps its order; between channels there is none.
        for channel in Set(orders.map(\.0)).sorted() {
            for order in orders where order.0 == channel {
                if order.1 { link.subscribe(channel) } else { link.unsubscribe(channel) }
            }
        }
    }

    func room(_ loop: Int, _ bytes: Int) -> Bool { loops[loop].hasRoom(for: bytes) }

    // MARK: The subscriber's calls

    func connectionEstablished() { core.connectionEstablished() }

    func connectionLost() { carryOut(core.connectionLost()) }

    func subscribed(_ channels: [Channel]) {
        world.note("\(self): subscribed to \(channels)")
        carryOut(core.subscribed(channels))
    }

    func received(_ messages: [BrokerMessage]) {
        self.messages += messages.count
        let (errands, isDeferred) = core.received(messages, room: room)
        world.note(
            "\(self): gets \(messages.map { "\($0.channel) \($0.position?.description ?? "")" })"
                + (isDeferred ? ", and has no room" : ""))
        if isDeferred { world.coverage.deferrals += 1 }
        carryOut(errands)
    }
}
