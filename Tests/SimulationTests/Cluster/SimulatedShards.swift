import Broker
import Wire

@testable import RedisNIO

/// A Reader's subscriber on a cluster: the driver's own tables, on connections to the nodes that break.
final class SimulatedShards: SimulatedSubscriber {
    private unowned let world: World
    private unowned let reader: SimulatedReader
    private let cluster: SimulatedCluster
    let client: SimulatedClient
    private var table = ShardTable(limit: 1000)
    private var links: [ShardLink: SimulatedShardLink] = [:]
    private var connected: Set<ShardLink> = []
    private var isClosed = false
    private var probes: [String] = []

    /// What the driver waits before it asks a node again that refused.
    private static let retryDelay: UInt64 = 100_000_000

    init(world: World, reader: SimulatedReader, cluster: SimulatedCluster) {
        self.world = world
        self.reader = reader
        self.cluster = cluster
        client = cluster.makeClient()
        client.changed = { [unowned self] slots in
            change { $0.moved(slots, places) }
        }
    }

    /// A probe on each master keeps a connection to each.
    func connect() {
        guard !isClosed else { return }
        let wanted = client.probes
        let (old, new) = (probes.filter { !wanted.contains($0) }, wanted.filter { !probes.contains($0) })
        probes = wanted
        change {
            $0.unsubscribe(old)
            _ = $0.subscribe(new, places)
        }
        world.after(500_000_000) { self.connect() }
    }

    func subscribe(_ channel: Channel) { change { _ = $0.subscribe([channel.name], places) } }

    func unsubscribe(_ channel: Channel) {
        world.coverage.giveUps += 1
        change { $0.unsubscribe([channel.name]) }
    }

    private func places(_ slot: HashSlot) -> [ShardLink] {
        client.places(of: slot).enumerated().map { index, node in
            ShardLink(node: node, openSlot: index == 0 ? nil : slot)
        }
    }

    // MARK: Changes

    /// What follows is done on the driver's loop, in the order of the changes.
    private func change(_ body: (inout ShardTable) -> Void) {
        guard !isClosed else { return }
        body(&table)
        let changes = table.takeChanges()
        guard changes != ShardTable.Changes() else { return }
        world.after(50_000) { if !self.isClosed { self.perform(changes) } }
    }

    /// Hash tables have no order; the seed decides.
    private func inOrder(_ commands: [ShardLink: [String]]) -> [(ShardLink, [String])] {
        commands.map { ($0.key, $0.value.sorted()) }
            .sorted { ($0.0.node, $0.0.openSlot?.number ?? -1) < ($1.0.node, $1.0.openSlot?.number ?? -1) }
    }

    private func perform(_ changes: ShardTable.Changes) {
        for (link, channels) in inOrder(changes.subscribe) { shard(link).subscribe(channels) }
        for (link, channels) in inOrder(changes.unsubscribe) { links[link]?.unsubscribe(channels) }
        for link in changes.idle where !table.isUsed(link) {
            links.removeValue(forKey: link)?.close()
            connected.remove(link)
        }
        let lost = changes.lost.sorted().compactMap { Channel(name: $0) }
        if !lost.isEmpty {
            world.note("\(reader): \(lost) may miss something")
            // Nobody who is connected nowhere takes viewers; with one node of several it goes on.
            reader.lost(lost, isConnected: !connected.isEmpty)
        }
        let whole = changes.whole.sorted().compactMap { Channel(name: $0) }
        if !whole.isEmpty { reader.subscribed(whole) }
    }

    private func shard(_ link: ShardLink) -> SimulatedShardLink {
        if let known = links[link] { return known }
        guard let node = cluster.node(at: link.node) else { preconditionFailure("\(link) is no node") }
        if link.openSlot != nil { world.coverage.openSlotLinks += 1 }
        let made = SimulatedShardLink(world: world, shards: self, link: link, node: node)
        links[link] = made
        made.connect()
        return made
    }

    // MARK: What its connections say

    func established(_ link: ShardLink) {
        connected.insert(link)
        if connected.count == 1 { reader.connectionEstablished() }
    }

    func subscribed(_ channels: [String], on link: ShardLink) { change { $0.subscribed(channels, on: link) } }

    func received(_ messages: [BrokerMessage]) { if !isClosed { reader.received(messages) } }

    func ended(_ link: ShardLink, _ channels: [String]) {
        let isLast = connected.remove(link) != nil && connected.isEmpty
        change { $0.lost(channels, on: link, .closed) }
        if isLast { world.after(50_000) { if !self.isClosed { self.reader.lost([], isConnected: false) } } }
        client.handle(.suspected(link.node))
    }

    func refused(_ link: ShardLink, _ channels: [String], _ error: RedisError) {
        if let redirection = ClusterRedirection(error, from: link.node), redirection.kind == .moved {
            client.handle(.redirected(redirection))
        }
        retry(channels, on: link)
    }

    func dropped(_ link: ShardLink, _ channels: [String]) {
        world.coverage.drops += 1
        change { $0.lost(channels, on: link, .moved) }
        for slot in Set(channels.map { HashSlot(key: $0) }).sorted() { client.handle(.unsubscribed(slot)) }
        retry(channels, on: link)
    }

    private func retry(_ channels: [String], on link: ShardLink) {
        world.after(Self.retryDelay) {
            let missing = self.table.missing(channels, on: link)
            if !missing.isEmpty { self.links[link]?.retry(missing) }
        }
    }

    // MARK: Faults

    private var ordered: [SimulatedShardLink] { inOrder(links.mapValues { _ in [] }).compactMap { links[$0.0] } }

    func cut() {
        guard let link = ordered.randomElement(using: &world.random) else { return }
        world.coverage.cuts += 1
        world.note("\(reader): a subscriber connection is cut")
        link.cut()
    }

    func stall(_ span: UInt64) {
        guard let link = ordered.randomElement(using: &world.random) else { return }
        world.coverage.lags += 1
        link.stall(span)
    }

    func stutter(_ span: UInt64) { for link in ordered { link.stutter(span) } }

    func close() {
        isClosed = true
        client.close()
        for link in ordered { link.close() }
        links = [:]
    }
}

/// One connection of it, and its successors.
final class SimulatedShardLink {
    private unowned let world: World
    private unowned let shards: SimulatedShards
    private let link: ShardLink
    private let node: SimulatedNode
    private var table = SubscriptionTable(limit: 1000, isBySlot: true)
    private var connection: SubscriberConnection?
    private var isEstablished = false
    private var hasAsked = false
    private var isClosed = false

    init(world: World, shards: SimulatedShards, link: ShardLink, node: SimulatedNode) {
        self.world = world
        self.shards = shards
        self.link = link
        self.node = node
    }

    func connect() {
        guard !isClosed, connection == nil else { return }
        guard node.isReached(by: shards.client), !node.isFrozen else {
            return world.after(world.random.micros(20_000...300_000)) { self.connect() }
        }
        let connection = SubscriberConnection(world: world, server: node) { [weak self] in self?.received($0) }
        node.connect(connection, of: shards.client)
        self.connection = connection
        hasAsked = false
        node.arrive(after: world.latency()) {
            guard self.connection === connection, !connection.isBroken, !self.isClosed else { return }
            self.isEstablished = true
            self.table.connected()
            self.shards.established(self.link)
            self.flush()
        }
    }

    func subscribe(_ channels: [String]) { change { _ = $0.subscribe(channels) } }
    func unsubscribe(_ channels: [String]) { change { $0.unsubscribe(channels) } }
    func retry(_ channels: [String]) { change { $0.retry(channels) } }

    private func change(_ body: (inout SubscriptionTable) -> Void) {
        body(&table)
        world.after(world.random.micros(0...300)) { self.flush() }
    }

    private func flush() {
        guard !isClosed, let connection, isEstablished else { return }
        let commands = table.flush()
        guard !commands.isEmpty else { return }
        let subscribe = commands.subscribe.flatMap { $0 }.sorted()
        let unsubscribe = commands.unsubscribe.flatMap { $0 }.sorted()
        if !commands.confirmed.isEmpty { shards.subscribed(commands.confirmed.sorted(), on: link) }
        guard link.openSlot != nil else { return connection.send(subscribe: subscribe, unsubscribe: unsubscribe) }
        // One command behind ASKING, for another one another connection; what is not wanted ends with the slot.
        _ = table.acknowledged(unsubscribe)
        guard !subscribe.isEmpty else { return }
        if hasAsked { return cut() }
        hasAsked = true
        connection.send(subscribe: subscribe, unsubscribe: [], isAsking: true)
    }

    private func received(_ items: [SubscriberConnection.Item]) {
        var messages: [BrokerMessage] = []
        func handOver() {
            if !messages.isEmpty { shards.received(messages) }
            messages = []
        }
        for item in items where !isClosed {
            if case .message(let message) = item {
                messages.append(message)
                continue
            }
            handOver()
            switch item {
            case .message: break
            case .acknowledged(let channels):
                let settled = table.acknowledged(channels)
                if !settled.isEmpty { shards.subscribed(settled, on: link) }
            case .refused(let channels, let error):
                table.refused(channels)
                shards.refused(link, channels, error)
            case .dropped(let channels):
                let dropped = table.dropped(channels)
                if !dropped.isEmpty { shards.dropped(link, dropped) }
            case .end: ended()
            }
        }
        handOver()
    }

    private func ended() {
        connection = nil
        if isEstablished {
            isEstablished = false
            shards.ended(link, table.disconnected().sorted())
        }
        world.after(world.random.micros(1_000...200_000)) { self.connect() }
    }

    func cut() { connection?.broken(within: world.random.chance(300) ? world.random.micros(0...6_000_000) : 0) }
    func stall(_ span: UInt64) { connection?.stall(span) }
    func stutter(_ span: UInt64) { connection?.stutter(span) }

    func close() {
        isClosed = true
        connection?.close()
    }
}
