import Broker
import Wire

@testable import Fanout

/// One Reader: the real registry and the real loops; simulated are its subscriber, its queries and its sockets.
final class SimulatedReader: CustomStringConvertible {
    unowned let world: World
    let number: Int
    /// Counts the processes that were this Reader, one after the other.
    let life: Int
    var registry: ChannelRegistry<SimulatedConnect>
    private(set) var loops: [SimulatedLoop] = []
    private(set) var link: (any SimulatedSubscriber)!
    private(set) var isAlive = true
    private(set) var isStopping = false
    /// Messages that came from Redis.
    private(set) var messages = 0
    /// Connections on their way to a loop, by their descriptor.
    var streams: [Int32: SimulatedStream] = [:]
    /// Channels whose history is being read for viewers who recover.
    var recovering: Set<Channel> = []

    init(world: World, number: Int, life: Int) {
        self.world = world
        self.number = number
        self.life = life
        let plan = world.plan
        registry = ChannelRegistry(
            settings: .init(
                loops: plan.loops, connectionsMax: 1000, channelsMax: 100, cooldownNanoseconds: plan.cooldown,
                subscribeTimeoutNanoseconds: 1_000_000_000))
        loops = (0..<plan.loops).map { SimulatedLoop(reader: self, number: $0) }
        link =
            world.cluster.map { SimulatedShards(world: world, reader: self, cluster: $0) as any SimulatedSubscriber }
            ?? SimulatedLink(world: world, reader: self)
    }

    var description: String { "reader \(number)" + String(repeating: "'", count: life) }

    func start() {
        link.connect()
        tick()
    }

    private func tick() {
        world.after(250_000_000) {
            guard self.isAlive else { return }
            self.registry.tick(now: self.world.now)
            self.perform()
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
        registry.isDraining = true
        let seconds = Double(span.components.attoseconds) / 1e18 + Double(span.components.seconds)
        for loop in loops { loop.submit(.drain(seconds: seconds, retryMillisecondsMax: 300)) }
    }

    // MARK: Steps

    /// Does what the hub does. Some actions come out of hash tables, so they are sorted: the seed decides alone.
    func perform() {
        let actions = registry.takeActions()
        for action in actions { deliver(action) }
        for case .readPosition(let query) in actions.sorted(by: { $0.channel < $1.channel }) { readPosition(query) }
        for case .readHistory(let query) in actions.sorted(by: { $0.channel < $1.channel }) { readHistory(query) }
        for case .recover(let group) in actions { recover(group) }
        let answers = actions.compactMap(\.answer).sorted { $0.connect.number < $1.connect.number }
        for answer in answers { answer.connect.answered(answer.isAdmitted) }
        for action in actions.sorted(by: { $0.channel < $1.channel }) {
            switch action {
            case .subscribe(let channel): link.subscribe(channel)
            case .unsubscribe(let channel): link.unsubscribe(channel)
            default: break
            }
        }
    }

    private func deliver(_ action: ChannelRegistry<SimulatedConnect>.Action) {
        switch action {
        case .deliver(let frames, let bytes, let loop): loops[loop].submit(.append(frames), weight: bytes)
        case .attach(let attachment, let loop):
            if let stream = streams.removeValue(forKey: attachment.descriptor) { loops[loop].open(stream) }
            loops[loop].submit(.attach(attachment))
            if attachment.recovery != nil { world.coverage.recoveries += 1 }
        default: break
        }
    }

    func room(_ loop: Int, _ bytes: Int) -> Bool { loops[loop].hasRoom(for: bytes) }

    // MARK: The subscriber's calls

    func connectionEstablished() { registry.isConnected = true }

    func lost(_ channels: [Channel], isConnected: Bool) {
        registry.lost(channels, isConnected: isConnected, now: world.now)
        perform()
    }

    func subscribed(_ channels: [Channel]) {
        world.note("\(self): subscribed to \(channels)")
        for channel in channels { registry.subscribed(channel) }
        perform()
    }

    func received(_ messages: [BrokerMessage]) {
        self.messages += messages.count
        let (_, isDeferred) = registry.received(messages, room: room)
        world.note(
            "\(self): gets \(messages.map { "\($0.channel) \($0.position?.description ?? "")" })"
                + (isDeferred ? ", and has no room" : ""))
        if isDeferred { world.coverage.deferrals += 1 }
        perform()
    }
}

extension ChannelRegistry<SimulatedConnect>.Action {
    /// What the action is about, to sort by; empty for those that come in an order of their own.
    fileprivate var channel: String {
        switch self {
        case .subscribe(let channel), .unsubscribe(let channel), .readStates(let channel): channel.name
        case .readPosition(let query), .readHistory(let query): query.channel.name
        case .deliver, .attach, .recover, .admit, .refuse: ""
        }
    }

    fileprivate var answer: (connect: SimulatedConnect, isAdmitted: Bool)? {
        switch self {
        case .admit(let connect): (connect, true)
        case .refuse(let connect, _): (connect, false)
        default: nil
        }
    }
}
