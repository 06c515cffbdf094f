import Broker
import InMemory
import Wire

@testable import RedisNIO

/// One node of a cluster: what it has, what it believes of the others, and who can talk to it.
final class SimulatedNode: SimulatedServer, CustomStringConvertible {
    struct Published {
        let position: Position
        /// In the witness's log; `nil`: the node was no owner any more, whatever it thought.
        let place: Int?
        let isReplicated: Bool
    }

    private unowned let world: World
    private unowned let cluster: SimulatedCluster
    let number: Int
    var store: InMemoryStore
    /// What its replica has, when that hears nothing more.
    private(set) var replica: InMemoryStore?
    private(set) var isUp = true
    private(set) var isMaster = true
    private(set) var isFrozen = false
    /// It sees that it is alone, and serves nobody.
    private(set) var isDown = false
    private var hidden: [SimulatedClient] = []
    private var unread: [() -> Void] = []
    private var connections: [(SubscriberConnection, SimulatedClient)] = []
    /// What it believes.
    private var owners: [Int]
    private var epochs: [UInt64]
    private(set) var leaving: [HashSlot: Int] = [:]
    private var coming: Set<HashSlot> = []

    init(world: World, cluster: SimulatedCluster, number: Int, store: InMemoryStore) {
        self.world = world
        self.cluster = cluster
        self.number = number
        self.store = store
        owners = cluster.owners
        epochs = cluster.epochs
    }

    var description: String { "node \(number)" }
    var address: RedisAddress { SimulatedCluster.address(number) }
    var isHealthy: Bool { isUp && !isFrozen && hidden.isEmpty && !isDown }
    func isReached(by client: SimulatedClient) -> Bool { isUp && !hidden.contains { $0 === client } }

    // MARK: What it knows

    /// It hears what is true. Channels of slots that it has no more end; those of a slot that it never had any more do not.
    func learn() {
        let before = owners
        (owners, epochs) = (cluster.owners, cluster.epochs)
        let isMasterNow = owners.contains(number) || isMaster && !before.contains(number)
        if isMaster, !isMasterNow {
            isMaster = false
            world.note("\(self) is a replica now")
            if let part = before.firstIndex(of: number) { store = cluster.nodes[owners[part]].store }
        }
        leaving = leaving.filter { owners[cluster.part(of: $0.key)] == number }
        coming = coming.filter { owners[cluster.part(of: $0)] != number }
        let lost = before.indices.filter { before[$0] == number && owners[$0] != number }.map { cluster.parts[$0] }
        guard !lost.isEmpty else { return }
        for (connection, _) in connections {
            connection.drop { channel in lost.contains { $0.contains(HashSlot(key: channel).number) } }
        }
    }

    /// `CLUSTER NODES`.
    var view: ClusterView {
        ClusterView(
            nodes: epochs.indices.map { other in
                var node = ClusterView.Node(
                    id: "n\(other)", address: SimulatedCluster.address(other), epoch: epochs[other],
                    slots: cluster.parts.indices.filter { owners[$0] == other }.map { cluster.parts[$0] },
                    isMyself: other == number)
                if other == number { node.leaving = leaving.mapValues { "n\($0)" } }
                return node
            })
    }

    func open(_ channel: Channel, to target: SimulatedNode) {
        let slot = HashSlot(key: channel.name)
        leaving[slot] = target.number
        target.coming.insert(slot)
        // Of an earlier move that came to nothing.
        target.store.drop(channel)
    }

    /// Channels of its open slots that it has nothing of: what there is has the target.
    var handedOver: [Channel] {
        world.plan.channels.filter { leaving[HashSlot(key: $0.name)] != nil && store.position(of: $0) == nil }
    }

    /// It takes the slot no more.
    func refuse(_ slot: HashSlot) {
        guard coming.remove(slot) != nil else { return }
        world.note("\(self) takes slot \(slot.number) no more")
    }

    /// Slots that were on their way to a node that is no master any more go to the new one.
    func handOver(to heir: SimulatedNode, insteadOf old: SimulatedNode) {
        for slot in leaving.filter({ $0.value == old.number }).keys.sorted() {
            world.note("\(heir) takes slot \(slot.number) instead of \(old)")
            leaving[slot] = heir.number
            heir.coming.insert(slot)
        }
    }

    /// Why it does not do what a client asks; `nil`: it does.
    func refusal(of channel: Channel, isAsking: Bool) -> RedisError? {
        let slot = HashSlot(key: channel.name)
        let owner = owners[cluster.part(of: slot)]
        if isDown { return RedisError(.reply("CLUSTERDOWN"), "The cluster is down") }
        if owner == number, isMaster {
            guard let target = leaving[slot], store.position(of: channel) == nil else { return nil }
            return redirection("ASK", slot, target)
        }
        if isMaster, isAsking, coming.contains(slot) { return nil }
        return redirection("MOVED", slot, owner)
    }

    func refusal(ofSubscribing channel: String, isAsking: Bool) -> RedisError? {
        let slot = HashSlot(key: channel)
        let owner = owners[cluster.part(of: slot)]
        if isDown { return RedisError(.reply("CLUSTERDOWN"), "The cluster is down") }
        if owner == number, isMaster { return nil }
        if isMaster, isAsking, coming.contains(slot) { return nil }
        return redirection("MOVED", slot, owner)
    }

    private func redirection(_ code: String, _ slot: HashSlot, _ node: Int) -> RedisError {
        let address = SimulatedCluster.address(node)
        return RedisError(.reply(code), "\(slot.number) \(address.host):\(address.port)")
    }

    // MARK: What it does

    func append(to channel: Int, known: Position?) -> Published {
        let name = world.plan.channels[channel]
        let slot = HashSlot(key: name.name)
        let owner = cluster.owner(of: name)
        let isOwner = owner === self || owner.leaving[slot] == number && cluster.owners.contains(number)
        if isOwner {
            world.coverage.ignorantWriters += world.witness.excuse(
                store.position(of: name), known: known, channel: channel, isTold: !world.plan.acknowledgesReplicated)
        }
        // A virtual millisecond counts as a second: faults are as far apart as in life.
        let before = store.position(of: name)
        let (position, frame) = store.append(
            Array("data: x\n\n".utf8), to: name, known: known, clock: world.now / 1_000_000)
        world.note("\(self): \(name) \(position) is published" + (isOwner ? "" : ", though it is not its"))
        let message = BrokerMessage(channel: name, position: position, frame: frame)
        for (connection, client) in connections where isReached(by: client) { connection.offer(message) }
        guard isOwner else {
            world.coverage.phantoms += 1
            if position.offset > (before?.offset ?? 0) + 1 { world.coverage.phantomJumps += 1 }
            world.witness.phantom(position, channel: channel)
            return Published(position: position, place: nil, isReplicated: false)
        }
        return Published(
            position: position, place: world.witness.published(position, channel: channel),
            isReplicated: replica == nil)
    }

    func cutReplica() {
        guard replica == nil else { return }
        world.note("\(self): its replica hears nothing more")
        replica = store
    }

    func healReplica() { replica = nil }

    // MARK: Connections

    func connect(_ connection: SubscriberConnection, of client: SimulatedClient) {
        connections.append((connection, client))
    }
    func disconnect(_ connection: SubscriberConnection) { connections.removeAll { $0.0 === connection } }

    /// Something reaches it, which it does as soon as it runs.
    func arrive(after delay: UInt64, _ action: @escaping () -> Void) {
        world.after(delay) {
            guard self.isUp else { return }
            if self.isFrozen { self.unread.append(action) } else { action() }
        }
    }

    // MARK: Faults

    func kill() {
        isUp = false
        store.restart()
        let all = connections.map { $0.0 }
        connections = []
        for connection in all { connection.broken(within: 0) }
    }

    func freeze() {
        isFrozen = true
        // A probe that does not come back ends a connection, if it is frozen for so long.
        let connections = connections.map { $0.0 }
        for connection in connections {
            world.after(world.random.micros(1_500_000...6_000_000)) {
                if self.isFrozen { connection.broken(within: 0) }
            }
        }
    }

    func hide(from clients: [SimulatedClient]) {
        hidden = clients
        let cut = connections.filter { !isReached(by: $0.1) }.map { $0.0 }
        for connection in cut { connection.broken(within: world.random.micros(0...6_000_000)) }
    }

    func refusesAll() { if !hidden.isEmpty { isDown = true } }

    func recover() {
        (isUp, isFrozen, isDown, hidden) = (true, false, false, [])
        let waiting = unread
        unread = []
        for action in waiting { action() }
    }
}
