public import Logging
public import NIOCore
public import NIOPosix
public import Primitives

/// Settings of a ``RedisClient``.
public struct RedisClientSettings: Sendable {
    public var connection = RedisConnectionSettings()
    /// How many connections are kept, 1 or more.
    public var connections = 2
    /// How long a command may wait for a connection when none stands; zero fails at once.
    public var graceWait: Duration = .milliseconds(250)
    /// The most commands that wait for a connection; more fail at once.
    public var graceWaitersMax = 4096
    public var backoff = Backoff()
    /// How the nodes of a cluster are watched.
    var topology = TopologyMachine.Settings()

    public init() {}
}

/// Redis: one server, a cluster, or the master that Sentinels name, whichever the endpoint says. Commands of all tasks share
/// the connections, which are kept alive and renewed while ``run()`` runs.
///
/// No command is ever sent twice after its outcome became unknown: after `timeout` or `closed` only the caller knows whether
/// a repetition does harm. A command that a node of a cluster refused, because another one has the key, goes there.
public final class RedisClient: Sendable {
    private enum Servers {
        case one(RedisPool)
        case nodes(ClusterNodes)
    }

    public let endpoint: RedisEndpoint
    private let servers: Servers
    private let group: any EventLoopGroup
    private let logger: Logger
    private let metrics: RedisMetrics

    public init(
        endpoint: RedisEndpoint, settings: RedisClientSettings = RedisClientSettings(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger,
        metrics: RedisMetrics = RedisMetrics()
    ) {
        self.endpoint = endpoint
        self.group = group
        self.logger = logger
        self.metrics = metrics
        servers =
            switch endpoint.deployment {
            case .server, .node:
                .one(
                    RedisPool(endpoint: endpoint, settings: settings, group: group, logger: logger, metrics: metrics))
            case .cluster, .sentinel:
                .nodes(
                    ClusterNodes(endpoint: endpoint, settings: settings, group: group, logger: logger, metrics: metrics)
                )
            }
    }

    /// Whether at least one connection stands and is logged in.
    public var isConnected: Bool {
        switch servers {
        case .one(let pool): pool.isConnected
        case .nodes(let nodes): nodes.isConnected
        }
    }

    /// Why commands sent now would fail, as far as is known: there is no connection, or, when the settings need writes,
    /// writes are refused. `nil`: they would work. In a cluster one node that works is enough.
    public var trouble: RedisError? {
        switch servers {
        case .one(let pool): pool.trouble
        case .nodes(let nodes): nodes.trouble
        }
    }

    /// Keeps the connections; returns when the task is cancelled, with all of them closed. Call it once.
    ///
    /// - Throws: ``RedisError`` `unsupported` when a server turns out to be of another kind than the endpoint says, a node of
    ///   a cluster for instance, at whichever connection that shows.
    public func run() async throws {
        switch servers {
        case .one(let pool): try await pool.run()
        case .nodes(let nodes): await nodes.run()
        }
    }

    /// Sends one command; an error reply is thrown as `reply`.
    public func send(_ command: RedisCommand) async throws(RedisError) -> RESPValue {
        try await first(of: send(contentsOf: [command]))
    }

    /// Sends the commands as one pipeline, in a cluster one for each node; replies come in the order of the commands. Error
    /// replies are `.failure` elements, and so are those of nodes that do not answer while others do.
    public func send(contentsOf commands: [RedisCommand]) async throws(RedisError) -> [RESPValue] {
        try await call(commands) { connection, commands throws(RedisError) in
            try await connection.send(contentsOf: commands)
        }
    }

    /// Sends the commands to each server that has keys; one list of replies for each.
    public func sendToEach(_ commands: [RedisCommand]) async throws(RedisError) -> [[RESPValue]] {
        switch servers {
        case .one: [try await send(contentsOf: commands)]
        case .nodes(let nodes): try await nodes.sendToEach(commands)
        }
    }

    /// Runs a call made by ``RedisScript/call(keys:)``; an error reply is thrown.
    public func evaluate(_ script: RedisScript, _ call: RedisCommand) async throws(RedisError) -> RESPValue {
        try await first(of: evaluate(script, contentsOf: [call]))
    }

    /// Runs calls of one script as ``send(contentsOf:)`` sends commands. Each server loads the script when it does not know it.
    public func evaluate(
        _ script: RedisScript, contentsOf calls: [RedisCommand]
    ) async throws(RedisError) -> [RESPValue] {
        try await call(calls) { connection, calls throws(RedisError) in
            try await connection.evaluate(script, contentsOf: calls)
        }
    }

    /// Runs calls of one script, and waits on each server until replicas have what they wrote.
    ///
    /// A call whose writes so many replicas do not have in time fails with `timeout`, as one without an answer: whether it
    /// outlives a failover is not known.
    ///
    /// - Parameters:
    ///   - replicas: of each server, 1 or more.
    ///   - limit: less than the command timeout.
    public func evaluate(
        _ script: RedisScript, contentsOf calls: [RedisCommand], replicas: Int, within limit: Duration
    ) async throws(RedisError) -> [RESPValue] {
        let wait = RedisCommand("WAIT", String(replicas), String(max(1, limit.milliseconds)))
        return try await call(calls) { connection, calls throws(RedisError) in
            var replies = try await connection.evaluate(script, contentsOf: calls, then: [wait])
            let known = replies.popLast()?.integer ?? 0
            guard known < replicas else { return replies }
            let error = RedisError(.timeout, "\(known) of \(replicas) replicas have it after \(limit.milliseconds) ms")
            return replies.map { $0.failure == nil ? .failure(error) : $0 }
        }
    }

    /// Runs a script with keys and arguments.
    public func evaluate(
        _ script: RedisScript, keys: [String], arguments: [[UInt8]] = []
    ) async throws(RedisError) -> RESPValue {
        var call = script.call(keys: keys)
        for argument in arguments { call.append(argument) }
        return try await evaluate(script, call)
    }

    private func call(
        _ commands: [RedisCommand], _ call: @escaping ClusterNodes.Call
    ) async throws(RedisError) -> [RESPValue] {
        switch servers {
        case .one(let pool): try await call(pool.connection(), commands)
        case .nodes(let nodes): try await nodes.send(commands, call)
        }
    }

    private func first(of replies: [RESPValue]) throws(RedisError) -> RESPValue {
        guard let reply = replies.first else { throw RedisError(.protocolViolation, "a reply without a value") }
        if case .failure(let error) = reply { throw error }
        return reply
    }
}

// MARK: Subscribing

extension RedisClient {
    /// Subscriptions on the same servers, kept alive while ``RedisSubscriptions/run(_:)`` and, in a cluster, this client's
    /// ``run()`` run.
    public func makeSubscriber(_ settings: RedisSubscriberSettings = RedisSubscriberSettings())
        -> any RedisSubscriptions
    {
        switch servers {
        case .one(let pool):
            let subscriber = RedisSubscriber(
                endpoint: endpoint, settings: settings, group: group, logger: logger, metrics: metrics)
            pool.whenMoved { [weak subscriber] in subscriber?.dropConnection(.demoted) }
            return subscriber
        case .nodes(let nodes):
            return ShardSubscriber(nodes: nodes, settings: settings, group: group, logger: logger, metrics: metrics)
        }
    }

    /// Whether channels belong to a slot, and so to a node: `SPUBLISH` and its like are the commands then.
    public var hasShards: Bool { endpoint.deployment == .cluster }

    /// The server that has a key or sharded channel now; `nil`: none, as far as is known.
    public func server(of key: String) -> RedisAddress? {
        switch servers {
        case .one: RedisAddress(host: endpoint.host, port: endpoint.port)
        case .nodes(let nodes): nodes.places(of: HashSlot(key: key)).first
        }
    }

    /// A key or channel on each server: `name` itself on the one server, and names made of it in a cluster.
    public func channels(onEachServer name: String) -> [String] {
        switch servers {
        case .one: [name]
        case .nodes(let nodes): nodes.channels(onEachMaster: name)
        }
    }

    /// For tests that end a connection, and for commands that must go to the same one.
    package func connection() async throws(RedisError) -> RedisConnection {
        switch servers {
        case .one(let pool): try await pool.connection()
        case .nodes(let nodes): try await nodes.anyConnection()
        }
    }
}
