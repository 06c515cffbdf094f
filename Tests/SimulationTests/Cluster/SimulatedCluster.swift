import Broker
import InMemory
import Wire

@testable import RedisNIO

/// A Redis Cluster: who has which slot, what each node knows of that, and everything that goes wrong with it. A failover adds
/// a node, as a replica was none that anybody talked to.
final class SimulatedCluster {
    private unowned let world: World
    private(set) var nodes: [SimulatedNode] = []
    /// The slots in parts of which each has one owner: one for the slot of each channel, and what lies between them.
    let parts: [ClosedRange<Int>]
    /// What is true: the node that has each part, and the epoch of each node.
    private(set) var owners: [Int]
    private(set) var epochs: [UInt64]
    /// Of a Reader or a writer, alive or not.
    private var clients: [SimulatedClient] = []
    private var writers: [(client: SimulatedClient, acknowledged: AcknowledgedPositions)] = []
    /// One thing at a time goes wrong with who has what.
    private var isBusy = false
    /// An acknowledged comment may have gone, other than by what a gap tells at once.
    private(set) var hasLostData = false

    /// Silence after which a node is away for the others.
    static let nodeTimeout: UInt64 = 1_000_000_000

    init(world: World) {
        self.world = world
        let count = world.plan.masters
        var borders: Set<Int> = [0, HashSlot.count]
        for channel in world.plan.channels {
            let slot = HashSlot(key: channel.name).number
            borders.formUnion([slot, slot + 1])
        }
        for number in 1..<count { borders.insert(number * HashSlot.count / count) }
        let edges = borders.sorted()
        parts = zip(edges, edges.dropFirst()).map { $0...$1 - 1 }
        // Channels on all nodes, whatever their slots are.
        owners = parts.map { $0.count == 1 ? $0.lowerBound % count : $0.lowerBound * count / HashSlot.count }
        epochs = (0..<count).map { UInt64($0 + 1) }
        for number in 0..<count { add(InMemoryStore(settings: world.plan, node: number)) }
        writers = (0..<world.plan.writers).map { _ in (makeClient(), AcknowledgedPositions()) }
    }

    private func add(_ store: InMemoryStore) {
        nodes.append(SimulatedNode(world: world, cluster: self, number: nodes.count, store: store))
    }

    func makeClient() -> SimulatedClient {
        let client = SimulatedClient(world: world, cluster: self, seeds: nodes.map(\.address))
        clients.append(client)
        return client
    }

    static func address(_ node: Int) -> RedisAddress { RedisAddress(host: "10.0.0.\(node)", port: 7000) }
    func node(at address: RedisAddress) -> SimulatedNode? { nodes.first { $0.address == address } }
    func part(of slot: HashSlot) -> Int { parts.firstIndex { $0.contains(slot.number) } ?? 0 }
    func owner(of channel: Channel) -> SimulatedNode { nodes[owners[part(of: HashSlot(key: channel.name))]] }

    // MARK: Writers

    /// Retried until it is done, when it has to be.
    func publish(_ channel: Int, isReliable: Bool) {
        let writer = world.random.index(below: writers.count)
        let name = world.plan.channels[channel]
        let known = writers[writer].acknowledged[name]
        writers[writer].client.send(name) { node in
            node.append(to: channel, known: known)
        } completed: { published in
            if let published, published.isReplicated || !self.world.plan.acknowledgesReplicated {
                self.writers[writer].acknowledged.acknowledged(published.position, in: name)
                if let place = published.place { self.world.witness.acknowledged(place, channel: channel) }
            } else if isReliable {
                self.world.after(200_000_000) { self.publish(channel, isReliable: true) }
            }
        }
    }

    func restartWriter() {
        world.note("a writer is started anew")
        let writer = world.random.index(below: writers.count)
        writers[writer].client.close()
        writers[writer] = (makeClient(), AcknowledgedPositions())
    }

    // MARK: Failovers

    enum Death { case killed, frozen, partitioned }

    /// The replica of a master hears nothing more; some time later the master dies, and the replica takes over.
    ///
    /// - Parameter candidates: of these masters one; `nil`: of all.
    func failover(_ death: Death, of candidates: [SimulatedNode]? = nil) {
        let masters = nodes.filter { $0.isHealthy && owners.contains($0.number) }
        let mortal = masters.filter { node in mayFail(node) && candidates?.contains { $0 === node } ?? true }
        guard !isBusy, masters.count == world.plan.masters, let old = mortal.randomElement(using: &world.random) else {
            return
        }
        isBusy = true
        world.coverage.clusterFailovers += 1
        if world.random.chance(700) { old.cutReplica() }
        world.after(world.random.micros(0...800_000)) { self.strike(old, death) }
    }

    /// A replica knows nothing of an open slot: what its master has handed over is out of reach when it is promoted.
    private func mayFail(_ node: SimulatedNode) -> Bool { world.plan.mayLoseData || node.handedOver.isEmpty }

    private func strike(_ old: SimulatedNode, _ death: Death) {
        guard world.isTurbulent, mayFail(old) else {
            isBusy = false
            return old.healReplica()
        }
        if nodes.contains(where: { !$0.leaving.isEmpty && ($0 === old || $0.leaving.values.contains(old.number)) }) {
            world.coverage.openSlotFailovers += 1
        }
        world.note("\(old) is \(death)")
        switch death {
        case .killed: old.kill()
        case .frozen: old.freeze()
        case .partitioned:
            // Some clients are on its side of the cut, its replica and the other masters are not.
            world.coverage.partitions += 1
            old.cutReplica()
            let hidden = clients.filter { _ in world.random.chance(600) }
            old.hide(from: hidden.isEmpty ? clients : hidden)
            world.after(Self.nodeTimeout) { old.refusesAll() }
        }
        let heals = world.random.micros(1_200_000...4_000_000)
        world.after(Self.nodeTimeout + world.random.micros(0...700_000)) { self.promote(old) }
        world.after(heals) { self.heal(old) }
    }

    private func promote(_ old: SimulatedNode) {
        guard old.isMaster, !old.isHealthy, owners.contains(old.number) else { return }
        var store = InMemoryStore(settings: world.plan, node: nodes.count)
        store.adopt(old.replica ?? old.store)
        if old.replica != nil || !old.handedOver.isEmpty { hasLostData = true }
        add(store)
        let new = nodes[nodes.count - 1]
        world.note("\(new) takes over from \(old)")
        for part in owners.indices where owners[part] == old.number { owners[part] = new.number }
        epochs.append((epochs.max() ?? 0) + 1)
        new.learn()
        spread(from: new)
        repairSlots(of: old, heir: new)
    }

    /// An operator does it: nodes know slots that are open by the name of who gave or took them, and it was another.
    private func repairSlots(of old: SimulatedNode, heir: SimulatedNode) {
        let given = old.leaving.sorted { $0.key < $1.key }
        world.after(world.random.micros(0...800_000)) {
            for (slot, target) in given { self.nodes[target].refuse(slot) }
            for node in self.nodes { node.handOver(to: heir, insteadOf: old) }
        }
    }

    /// The old master is back: it does what was sent to it, before it hears that it is none any more.
    private func heal(_ old: SimulatedNode) {
        guard !old.isHealthy else { return }
        world.note("\(old) is back")
        let wasKilled = !old.isUp
        old.recover()
        if owners.contains(old.number) { old.healReplica() }
        // One that was started anew asks first.
        world.after(wasKilled ? 0 : world.random.micros(0...300_000)) {
            old.learn()
            self.isBusy = false
        }
    }

    /// The others hear of it, each a moment later.
    private func spread(from first: SimulatedNode) {
        for node in nodes where node !== first {
            world.after(world.random.micros(0...300_000)) { if node.isHealthy { node.learn() } }
        }
    }

    /// A master stops for less than the others wait.
    func freezeShortly() {
        guard !isBusy, let node = nodes.filter(\.isHealthy).randomElement(using: &world.random) else { return }
        world.coverage.freezes += 1
        node.freeze()
        world.after(world.random.micros(50_000...900_000)) { if node.isFrozen { node.recover() } }
    }

    // MARK: Slots

    /// The slot of a channel is opened; its key may move, and the slot be closed at the target, or left open.
    func reshard(_ channel: Channel) {
        let source = owner(of: channel)
        let targets = nodes.filter { $0.isMaster && $0.isHealthy && $0 !== source && owners.contains($0.number) }
        guard !isBusy, source.isHealthy, source.leaving[HashSlot(key: channel.name)] == nil,
            let target = targets.randomElement(using: &world.random)
        else { return }
        world.coverage.openSlots += 1
        world.note("the slot of \(channel) is opened from \(source) to \(target)")
        source.open(channel, to: target)
        world.after(world.random.micros(0...800_000)) { self.move(channel, from: source, to: target) }
        guard world.random.chance(400) else { return }
        let death: Death = world.random.chance(500) ? .killed : .frozen
        world.after(world.random.micros(0...1_000_000)) { self.failover(death, of: [source, target]) }
    }

    private func move(_ channel: Channel, from source: SimulatedNode, to target: SimulatedNode) {
        let slot = HashSlot(key: channel.name)
        guard world.isTurbulent, source.isHealthy, target.isHealthy, source.leaving[slot] == target.number,
            owner(of: channel) === source
        else { return }
        // What moves is not waited for: a target whose replica is behind may lose it.
        guard world.plan.mayLoseData || target.replica == nil else { return }
        target.store.take(channel, from: &source.store)
        world.note("\(channel) moves from \(source) to \(target)")
        let isReplaced = world.random.chance(300)
        guard isReplaced || world.random.chance(600) else { return }
        world.after(isReplaced ? 0 : world.random.micros(0...800_000)) {
            guard source.isHealthy, target.isHealthy, self.owner(of: channel) === source,
                source.leaving[slot] == target.number
            else { return }
            self.world.note("the slot of \(channel) is closed at \(target)")
            self.owners[self.part(of: slot)] = target.number
            self.epochs[target.number] = (self.epochs.max() ?? 0) + 1
            target.learn()
            self.spread(from: target)
            if isReplaced { self.freezeUnused(target, channel) }
        }
    }

    /// A master is replaced before it has written to a channel that came to it, and then does what was sent to it.
    private func freezeUnused(_ master: SimulatedNode, _ channel: Channel) {
        guard !isBusy, mayFail(master), let number = world.plan.channels.firstIndex(of: channel) else { return }
        isBusy = true
        world.coverage.clusterFailovers += 1
        strike(master, .frozen)
        for _ in 0..<5 {
            world.after(world.random.micros(0...2_000_000)) { self.publish(number, isReliable: false) }
        }
    }

    /// Nothing goes wrong any more.
    func calm() {
        for node in nodes {
            if isBusy, !node.isHealthy { promote(node) }
            if !node.isHealthy { heal(node) }
            node.healReplica()
        }
        spread(from: nodes[nodes.count - 1])
    }
}

extension InMemoryStore {
    /// Of one node: its replication histories are those of no other.
    init(settings plan: Plan, node: Int) {
        self.init(
            historyLength: plan.historyLength, mayLose: !plan.acknowledgesReplicated,
            seed: plan.seed &* 1_000 &+ UInt64(node))
    }
}
