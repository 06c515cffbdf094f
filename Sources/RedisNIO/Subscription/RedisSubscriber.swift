import CoreMetrics
public import Logging
public import NIOCore
public import NIOPosix
public import Primitives

/// Settings of a ``RedisSubscriber``.
public struct RedisSubscriberSettings: Sendable {
    /// For everything from the first packet to the last reply of the login.
    public var connectTimeout: Duration = .seconds(2)
    /// What `CLIENT LIST` shows; letters, digits, `-`, `_` and `:` only. Empty: no name.
    public var name = ""
    /// Silence after which PING is sent.
    public var pingInterval: Duration = .seconds(2)
    /// Silence after PING that ends the connection.
    public var pingTimeout: Duration = .seconds(2)
    /// The most channels wanted at once.
    public var channelsMax = 1_000_000
    public var backoff = Backoff()

    public init() {}
}

/// One connection in subscribe mode, renewed while ``run(_:)`` runs.
public final class RedisSubscriber: RedisSubscriptions {
    enum Kind {
        /// Channels of the server, or of all nodes.
        case plain
        /// Channels of the slots of one node.
        case shard
        /// Channels of one slot that is on its way to the node.
        case openSlot
    }

    private struct State {
        var table: SubscriptionTable
        /// The connection that is logged in.
        var channel: (any Channel)?
        var isWakeSent = false
    }

    public let endpoint: RedisEndpoint
    let kind: Kind
    private let settings: RedisSubscriberSettings
    private let group: any EventLoopGroup
    private let logger: Logger
    private let metrics: RedisMetrics
    private let state: Mutex<State>

    /// On one server.
    public convenience init(
        endpoint: RedisEndpoint, settings: RedisSubscriberSettings = RedisSubscriberSettings(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger,
        metrics: RedisMetrics = RedisMetrics()
    ) {
        self.init(
            endpoint: endpoint, kind: .plain, settings: settings, group: group, logger: logger, metrics: metrics)
    }

    init(
        endpoint: RedisEndpoint, kind: Kind, settings: RedisSubscriberSettings, group: any EventLoopGroup,
        logger: Logger, metrics: RedisMetrics
    ) {
        self.endpoint = endpoint
        self.kind = kind
        self.settings = settings
        // One loop for the object's life: the sink is told of a connection's end and the next one's begin from one thread.
        self.group = group.next()
        self.logger = logger
        self.metrics = metrics
        self.state = Mutex(State(table: SubscriptionTable(limit: settings.channelsMax, isBySlot: kind != .plain)))
    }

    public var isConnected: Bool { state.withLock { $0.table.isConnected } }

    /// How many channels are wanted now.
    public var wantedCount: Int { state.withLock { $0.table.wantedCount } }

    @discardableResult
    public func subscribe(_ channels: [String]) -> Bool {
        let isTaken = change { $0.subscribe(channels) }
        if !isTaken { metrics.subscribesRefused.increment(by: channels.count) }
        return isTaken
    }

    public func unsubscribe(_ channels: [String]) {
        change { $0.unsubscribe(channels) }
    }

    /// Asks again for channels that the node refused or dropped.
    func retry(_ channels: [String]) {
        change { $0.retry(channels) }
    }

    /// Changes the table from any task; wakes the event loop once a turn.
    private func change<Value: Sendable>(_ body: (inout SubscriptionTable) -> Value) -> Value {
        let (value, toWake) = state.withLock { state in
            let value = body(&state.table)
            guard state.table.hasWork, !state.isWakeSent else { return (value, nil as (any Channel)?) }
            state.isWakeSent = state.channel != nil
            return (value, state.channel)
        }
        toWake?.write(SubscriberHandler.Signal.flush, promise: nil)
        return value
    }

    /// Ends the connection that stands; ``run(_:)`` makes a new one. For probes, tests and drills.
    public func dropConnection(_ reason: RedisLoss = .dropped) {
        state.withLock { $0.channel }?.write(SubscriberHandler.Signal.drop(reason), promise: nil)
    }

    public func dropConnection(of channel: String, _ reason: RedisLoss) { dropConnection(reason) }

    public func run(_ sink: any RedisSubscriptionSink) async throws {
        await keepConnected(settings.backoff) { await connectAndWait(sink) }
    }

    private func connectAndWait(_ sink: any RedisSubscriptionSink) async {
        do {
            let (channel, end) = try await connect(sink)
            let (loss, error) = await withTaskCancellationHandler {
                // The promise never fails.
                (try? await end.get()) ?? (.closed, nil)
            } onCancel: {
                channel.write(SubscriberHandler.Signal.drop(.shutDown), promise: nil)
            }
            guard loss != .shutDown else { return }
            logger.warning(
                "Redis subscriber lost its connection",
                metadata: [
                    "redis.endpoint": "\(endpoint)", "redis.reason": "\(loss.rawValue)",
                    "redis.error": "\(error.map(\.description) ?? "")",
                ])
        } catch {
            metrics.connectFailures.increment()
            logger.warning(
                "Redis subscriber cannot connect",
                metadata: ["redis.endpoint": "\(endpoint)", "redis.error": "\(error)"])
        }
    }

    private func connect(
        _ sink: any RedisSubscriptionSink
    ) async throws -> (any Channel, EventLoopFuture<SubscriberHandler.End>) {
        let login = endpoint.login(name: settings.name)
        return try await ClientBootstrap.redis(group, timeout: settings.connectTimeout)
            .connect(to: endpoint) { [self] channel in
                let ended = channel.eventLoop.makePromise(of: SubscriberHandler.End.self)
                do {
                    let handler = try SubscriberHandler(
                        subscriber: self, sink: sink, login: login, settings: settings, metrics: metrics,
                        ended: ended)
                    try channel.pipeline.syncOperations.addHandler(handler)
                } catch {
                    ended.succeed((.failed, nil))
                    throw error
                }
                return (channel, ended.futureResult)
            }
    }
}

// MARK: The event loop's side

extension RedisSubscriber {
    /// Logged in: everything wanted is to be subscribed.
    func connected(_ channel: any Channel) {
        state.withLock { state in
            state.channel = channel
            state.isWakeSent = false
            state.table.connected()
        }
    }

    /// A command of the login was refused, and is done without.
    func loggedIn(without step: LoginStep) {
        logger.warning("\(step.ifRefused ?? "")", metadata: ["redis.endpoint": "\(endpoint)"])
    }

    /// Returns the channels that are wanted.
    func disconnected() -> [String] {
        state.withLock { state in
            state.channel = nil
            state.isWakeSent = false
            return state.table.disconnected()
        }
    }

    func takeCommands() -> SubscriptionTable.Commands {
        state.withLock { state in
            state.isWakeSent = false
            return state.table.flush()
        }
    }

    /// The channels of these that are subscribed from here on.
    func acknowledged(_ channels: [String]) -> [String] {
        state.withLock { $0.table.acknowledged(channels) }
    }

    func refused(_ channels: [String]) { state.withLock { $0.table.refused(channels) } }

    /// The channels of these that stood.
    func dropped(_ channels: [String]) -> [String] { state.withLock { $0.table.dropped(channels) } }
}
