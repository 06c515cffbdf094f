import Broker
import InMemory
import Wire

@testable import RedisNIO

/// Who sends commands to a cluster: the real map of who has what, and simulated ways to the nodes.
final class SimulatedClient {
    private unowned let world: World
    private unowned let cluster: SimulatedCluster
    private var machine: TopologyMachine
    private var opened: Set<RedisAddress> = []
    private var isClosed = false
    /// Told of slots whose places changed.
    var changed: ([ClosedRange<Int>]) -> Void = { _ in }

    private static let timeout: UInt64 = 1_000_000_000
    /// Virtual times are those of a clock that began with the world.
    private static let start = ContinuousClock.now

    init(world: World, cluster: SimulatedCluster, seeds: [RedisAddress]) {
        self.world = world
        self.cluster = cluster
        machine = TopologyMachine(seeds: seeds)
        tick()
    }

    private var now: ContinuousClock.Instant { Self.start + .nanoseconds(Int64(world.now)) }

    func close() { isClosed = true }
    func places(of slot: HashSlot) -> [RedisAddress] { machine.places(of: slot) }
    var probes: [String] { machine.channels(onEachMaster: "probe") }
    func handle(_ input: TopologyMachine.Input) { if !isClosed { perform(machine.handle(input, now: now)) } }

    private func tick() {
        // The driver's fifty milliseconds: the map is not asked more often than a hundred.
        world.after(50_000_000) {
            guard !self.isClosed else { return }
            self.perform(self.machine.tick(now: self.now))
            self.tick()
        }
    }

    private func perform(_ actions: [TopologyMachine.Action]) {
        for action in actions {
            switch action {
            case .ask(let nodes): for node in nodes { ask(node) }
            case .open(let node):
                opened.insert(node)
                connect(node)
            case .close(let node): opened.remove(node)
            case .changed, .health: break
            }
        }
        for case .changed(let slots) in actions { changed(slots) }
    }

    private func ask(_ address: RedisAddress) {
        guard let node = cluster.node(at: address) else { return }
        reach(node) {
            node.view
        } completed: { view in
            self.handle(view.map { .view($0, of: address) } ?? .unanswered(address))
        }
    }

    private func connect(_ address: RedisAddress) {
        guard !isClosed, opened.contains(address), let node = cluster.node(at: address) else { return }
        reach(node) {
            true
        } completed: { isThere in
            if isThere == true { return self.handle(.linkUp(address)) }
            self.world.after(200_000_000) { self.connect(address) }
        }
    }

    /// Asks a node; `nil`: no answer came in time, whatever it did.
    private func reach<Answer>(
        _ node: SimulatedNode, _ question: @escaping () -> Answer, completed: @escaping (Answer?) -> Void
    ) {
        var isDone = false
        func finish(_ answer: Answer?) {
            guard !isDone else { return }
            isDone = true
            completed(answer)
        }
        guard node.isReached(by: self) else { return world.after(world.latency()) { finish(nil) } }
        world.after(Self.timeout) { finish(nil) }
        node.arrive(after: world.latency()) {
            guard node.isReached(by: self) else { return }
            let answer = question()
            self.world.after(self.world.latency()) { if node.isReached(by: self) { finish(answer) } }
        }
    }

    /// Does something with a channel at the node that has it, which may be another than it seems. `nil`: nobody did, or
    /// nobody said so.
    func send<Answer>(
        _ channel: Channel, to target: ClusterRedirection? = nil, sent: Int = 1,
        _ action: @escaping (SimulatedNode) -> Answer, completed: @escaping (Answer?) -> Void
    ) {
        let slot = HashSlot(key: channel.name)
        guard !isClosed, let address = target?.address ?? machine.owner(of: slot), let node = cluster.node(at: address)
        else { return world.after(world.latency()) { completed(nil) } }
        let isAsking = target?.kind == .ask
        reach(node) { () -> Result<Answer, RedisError> in
            if let refusal = node.refusal(of: channel, isAsking: isAsking) { return .failure(refusal) }
            return .success(action(node))
        } completed: { result in
            switch result {
            case nil:
                if !node.isUp { self.handle(.linkDown(address)) }
                completed(nil)
            case .success(let answer): completed(answer)
            case .failure(let error):
                self.world.coverage.redirections += 1
                let redirection = ClusterRedirection(error, from: address)
                if let redirection { self.handle(.redirected(redirection)) }
                guard sent <= ClusterPipeline.redirectionsMax else { return completed(nil) }
                self.world.after(redirection == nil ? 20_000_000 << UInt64(sent) : 0) {
                    self.send(channel, to: redirection, sent: sent + 1, action, completed: completed)
                }
            }
        }
    }
}
