import CoreMetrics
import Logging
import NIOCore
import Primitives

/// Subscriptions spread over the nodes that have the channels' slots: a connection for each node, one more for each slot that
/// is on its way from one node to another.
///
/// All connections live on one event loop. What ``ShardTable`` decides is done there, in the order in which it decided.
final class ShardSubscriber: RedisSubscriptions {
    private struct State {
        var table: ShardTable
        var links: [ShardLink: RedisSubscriber] = [:]
        var connected: Set<ShardLink> = []
        var sink: (any RedisSubscriptionSink)?
    }

    private let nodes: ClusterNodes
    private let settings: RedisSubscriberSettings
    private let loop: any EventLoop
    private let logger: Logger
    private let metrics: RedisMetrics
    private let state: Mutex<State>
    private let tasks = TaskSet<ShardLink>()

    /// From a refusal to the next try, when the map has not changed.
    private static let retryDelay: TimeAmount = .milliseconds(100)

    init(
        nodes: ClusterNodes, settings: RedisSubscriberSettings, group: any EventLoopGroup, logger: Logger,
        metrics: RedisMetrics
    ) {
        self.nodes = nodes
        self.settings = settings
        self.loop = group.next()
        self.logger = logger
        self.metrics = metrics
        state = Mutex(State(table: ShardTable(limit: settings.channelsMax)))
        nodes.observe { [weak self] slots in
            guard let self else { return }
            self.change { $0.moved(slots, self.places) }
        }
    }

    @discardableResult
    func subscribe(_ channels: [String]) -> Bool {
        let isTaken = change { $0.subscribe(channels, places) }
        if !isTaken { metrics.subscribesRefused.increment(by: channels.count) }
        return isTaken
    }

    func unsubscribe(_ channels: [String]) {
        change { $0.unsubscribe(channels) }
    }

    func dropConnection(of channel: String, _ reason: RedisLoss) {
        let links = state.withLock { state in state.table.places(of: channel).compactMap { state.links[$0] } }
        for link in links { link.dropConnection(reason) }
    }

    func run(_ sink: any RedisSubscriptionSink) async throws {
        state.withLock { $0.sink = sink }
        await tasks.run()
    }

    private func places(_ slot: HashSlot) -> [ShardLink] {
        nodes.places(of: slot).enumerated().map { index, node in
            ShardLink(node: node, openSlot: index == 0 ? nil : slot)
        }
    }

    // MARK: Changes

    /// Changes the table from any task; what follows is done on the loop, in the order of the changes.
    @discardableResult
    private func change<Value: Sendable>(_ body: (inout ShardTable) -> Value) -> Value {
        state.withLock { state in
            let value = body(&state.table)
            let changes = state.table.takeChanges()
            if changes != ShardTable.Changes() { loop.execute { self.perform(changes) } }
            return value
        }
    }

    private func perform(_ changes: ShardTable.Changes) {
        // The new one first.
        for (link, channels) in changes.subscribe { subscriber(link).subscribe(channels) }
        for (link, channels) in changes.unsubscribe { state.withLock { $0.links[link] }?.unsubscribe(channels) }
        for link in changes.idle { close(link) }
        let (sink, isConnected) = state.withLock { ($0.sink, !$0.connected.isEmpty) }
        if !changes.lost.isEmpty { sink?.lost(changes.lost, changes.reason, isConnected: isConnected) }
        if !changes.whole.isEmpty { sink?.subscribed(changes.whole) }
    }

    private func subscriber(_ link: ShardLink) -> RedisSubscriber {
        state.withLock { state in
            if let known = state.links[link] { return known }
            let kind: RedisSubscriber.Kind =
                nodes.endpoint.deployment == .cluster ? (link.openSlot == nil ? .shard : .openSlot) : .plain
            let subscriber = RedisSubscriber(
                endpoint: nodes.endpoint.node(link.node), kind: kind, settings: settings, group: loop, logger: logger,
                metrics: metrics)
            state.links[link] = subscriber
            let sink = LinkSink(link: link, subscriber: subscriber, owner: self)
            tasks.add(link) { try? await subscriber.run(sink) }
            return subscriber
        }
    }

    private func close(_ link: ShardLink) {
        let isIdle = state.withLock { state in
            guard !state.table.isUsed(link) else { return false }
            state.links[link] = nil
            state.connected.remove(link)
            return true
        }
        if isIdle { tasks.stop(link) }
    }
}

// MARK: What the connections receive

extension ShardSubscriber {
    /// What comes over one connection. Calls come on the loop.
    private final class LinkSink: RedisLinkSink {
        private let link: ShardLink
        private let subscriber: RedisSubscriber
        private unowned let owner: ShardSubscriber

        /// - Parameter owner: runs for longer than the connection.
        init(link: ShardLink, subscriber: RedisSubscriber, owner: ShardSubscriber) {
            self.link = link
            self.subscriber = subscriber
            self.owner = owner
        }

        /// Whether it was not given up meanwhile: what it says then is not about its successor.
        private var isUsed: Bool { owner.state.withLock { $0.links[link] === subscriber } }

        func connectionEstablished() { if isUsed { owner.established(link) } }
        func subscribed(_ channels: [String]) {
            if isUsed { owner.change { $0.subscribed(channels, on: self.link) } }
        }
        func received(_ messages: [RedisMessage]) { owner.sink?.received(messages) }
        func lost(_ channels: [String], _ reason: RedisLoss, isConnected: Bool) {
            if isUsed { owner.ended(link, channels, reason) }
        }
        func refused(_ channels: [String], _ error: RedisError) { if isUsed { owner.refused(link, channels, error) } }
        func dropped(_ channels: [String]) { if isUsed { owner.dropped(link, channels) } }
    }

    private var sink: (any RedisSubscriptionSink)? { state.withLock { $0.sink } }

    private func established(_ link: ShardLink) {
        let sink = state.withLock { state in
            state.connected.insert(link)
            return state.connected.count == 1 ? state.sink : nil
        }
        sink?.connectionEstablished()
    }

    private func ended(_ link: ShardLink, _ channels: [String], _ reason: RedisLoss) {
        let isLast = state.withLock { $0.connected.remove(link) != nil && $0.connected.isEmpty }
        change { $0.lost(channels, on: link, reason) }
        // Also to whoever has no channel.
        if isLast { loop.execute { self.sink?.lost([], reason, isConnected: false) } }
        nodes.handle(.suspected(link.node))
    }

    private func refused(_ link: ShardLink, _ channels: [String], _ error: RedisError) {
        if let redirection = ClusterRedirection(error, from: link.node), redirection.kind == .moved {
            nodes.handle(.redirected(redirection))
        }
        retry(channels, on: link)
    }

    private func dropped(_ link: ShardLink, _ channels: [String]) {
        change { $0.lost(channels, on: link, .moved) }
        for slot in Set(channels.map { HashSlot(key: $0) }) { nodes.handle(.unsubscribed(slot)) }
        retry(channels, on: link)
    }

    /// The map may not say yet where the channels are; the node itself does, when it is asked again.
    private func retry(_ channels: [String], on link: ShardLink) {
        loop.scheduleTask(in: Self.retryDelay) {
            let (missing, subscriber) = self.state.withLock { ($0.table.missing(channels, on: link), $0.links[link]) }
            if !missing.isEmpty { subscriber?.retry(missing) }
        }
    }
}
