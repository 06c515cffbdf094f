import CoreMetrics
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

    public init() {}
}

/// A pool of connections to one Redis, kept alive and renewed while ``run()`` runs. Commands of all tasks share them.
///
/// No command is ever sent twice by the client: after `timeout` or `closed` only the caller knows whether a repetition
/// does harm.
public final class RedisClient: Sendable {
    private typealias Waiter = CheckedContinuation<RedisConnection?, Never>

    private struct Pool {
        var connections: [RedisConnection] = []
        var next = 0
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        var isShutDown = false
        /// Why the last attempt to connect failed; `nil` after a success.
        var lastFailure: RedisError?

        /// The next connection in turn.
        mutating func pick() -> RedisConnection? {
            guard !connections.isEmpty else { return nil }
            next = (next + 1) % connections.count
            return connections[next]
        }

        mutating func takeWaiters() -> [Waiter] {
            defer { waiters = [:] }
            return Array(waiters.values)
        }
    }

    public let endpoint: RedisEndpoint
    private let settings: RedisClientSettings
    private let group: any EventLoopGroup
    private let logger: Logger
    private let metrics: RedisMetrics
    private let pool = Mutex(Pool())

    public init(
        endpoint: RedisEndpoint, settings: RedisClientSettings = RedisClientSettings(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger,
        metrics: RedisMetrics = RedisMetrics()
    ) {
        self.endpoint = endpoint
        self.settings = settings
        self.group = group
        self.logger = logger
        self.metrics = metrics
    }

    /// Whether at least one connection stands and is logged in.
    public var isConnected: Bool { pool.withLock { !$0.connections.isEmpty } }

    /// Sends one command; an error reply is thrown as `reply`.
    public func send(_ command: RedisCommand) async throws(RedisError) -> RESPValue {
        try await connection().send(command)
    }

    /// Sends the commands as one pipeline over one connection; error replies are `.failure` elements.
    public func send(contentsOf commands: [RedisCommand]) async throws(RedisError) -> [RESPValue] {
        try await connection().send(contentsOf: commands)
    }

    /// A connection for commands that must go to the same server process. Do not keep it: it may end at any time.
    public func connection() async throws(RedisError) -> RedisConnection {
        if let connection = pool.withLock({ $0.pick() }) { return connection }
        if let connection = await waitForConnection() { return connection }
        let reason = pool.withLock { $0.lastFailure }.map { "; last attempt: \($0)" } ?? ""
        throw RedisError(.notConnected, "no connection to \(endpoint)\(reason)")
    }

    /// The first connection to come within the grace time.
    private func waitForConnection() async -> RedisConnection? {
        guard settings.graceWait > .zero else { return nil }
        return await withCheckedContinuation { (waiter: Waiter) in
            let (id, connection) = pool.withLock { pool -> (Int?, RedisConnection?) in
                if let connection = pool.pick() { return (nil, connection) }
                guard !pool.isShutDown, pool.waiters.count < settings.graceWaitersMax else { return (nil, nil) }
                pool.nextWaiter += 1
                pool.waiters[pool.nextWaiter] = waiter
                return (pool.nextWaiter, nil)
            }
            guard let id else { return waiter.resume(returning: connection) }
            group.next().scheduleTask(in: TimeAmount(settings.graceWait)) {
                self.pool.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: nil)
            }
        }
    }
}

// MARK: Keeping connections

extension RedisClient {
    /// Keeps the connections; returns when the task is cancelled, with all of them closed. Call it once.
    public func run() async throws {
        await withTaskCancellationHandler {
            await withTaskGroup { group in
                for _ in 0..<max(1, settings.connections) {
                    group.addTask { await keepConnected(self.settings.backoff) { await self.connectAndWait() } }
                }
            }
        } onCancel: {
            shutDown()
        }
        shutDown()
    }

    private func connectAndWait() async {
        do throws(RedisError) {
            let connection = try await RedisConnection.connect(
                to: endpoint, settings: settings.connection, group: group, metrics: metrics)
            metrics.connected.increment()
            for notice in connection.notices {
                logger.warning("\(notice)", metadata: ["redis.endpoint": "\(endpoint)"])
            }
            add(connection)
            if Task.isCancelled { connection.close() }
            await connection.waitUntilClosed()
            pool.withLock { $0.connections.removeAll { $0 === connection } }
            logger.info("Redis connection ended", metadata: ["redis.endpoint": "\(endpoint)"])
        } catch {
            metrics.connectFailures.increment()
            pool.withLock { $0.lastFailure = error }
            logger.warning(
                "Redis connection failed",
                metadata: ["redis.endpoint": "\(endpoint)", "redis.error": "\(error)"])
        }
    }

    private func add(_ connection: RedisConnection) {
        let waiters = pool.withLock { pool in
            pool.connections.append(connection)
            pool.lastFailure = nil
            return pool.takeWaiters()
        }
        for waiter in waiters { waiter.resume(returning: connection) }
    }

    private func shutDown() {
        let (waiters, connections) = pool.withLock { pool in
            pool.isShutDown = true
            return (pool.takeWaiters(), pool.connections)
        }
        for waiter in waiters { waiter.resume(returning: nil) }
        for connection in connections { connection.close() }
    }
}
