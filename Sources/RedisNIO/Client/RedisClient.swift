import CoreMetrics
public import Logging
public import NIOCore
public import NIOPosix
import Primitives

/// A few connections to one Redis, kept alive and renewed while ``run()`` runs. Commands of all tasks share them.
///
/// No command is ever sent twice by the client: after `timeout` or `closed` only the caller knows whether a repetition
/// does harm.
public final class RedisClient: Sendable {
    public let endpoint: RedisEndpoint
    private let settings: RedisClientSettings
    private let group: any EventLoopGroup
    private let logger: Logger
    private let metrics: RedisMetrics
    private let pool: ConnectionPool

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
        self.pool = ConnectionPool(eventLoop: group.next())
    }

    /// Whether at least one connection stands and is logged in.
    public var isConnected: Bool { !pool.isEmpty }

    /// Keeps the connections; returns when the task is cancelled, with all of them closed. Call it once.
    public func run() async throws {
        await withTaskCancellationHandler {
            await withTaskGroup { group in
                for _ in 0..<max(1, settings.connections) { group.addTask { await self.keepConnection() } }
            }
        } onCancel: {
            pool.shutDown()
        }
        pool.shutDown()
    }

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
        let wait = settings.graceWait
        if let connection = await pool.pick(within: wait, waitersMax: settings.graceWaitersMax) { return connection }
        let reason = pool.lastFailure.map { "; last attempt: \($0)" } ?? ""
        throw RedisError(.notConnected, "no connection to \(endpoint)\(reason)")
    }

    /// Closes every connection, as a network fault would; ``run()`` makes new ones. For tests and drills.
    public func dropConnections() {
        pool.closeAll()
    }
}

// MARK: Keeping connections

extension RedisClient {
    private func keepConnection() async {
        var backoff = settings.backoff
        var random = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            let began = ContinuousClock.now
            await connectAndWait()
            if ContinuousClock.now - began >= settings.stableAfter { backoff.reset() }
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: backoff.next(using: &random))
        }
    }

    private func connectAndWait() async {
        do throws(RedisError) {
            let connection = try await RedisConnection.connect(
                to: endpoint, settings: settings.connection, group: group, metrics: metrics)
            metrics.connected.increment()
            pool.add(connection)
            if Task.isCancelled { connection.close() }
            await connection.waitUntilClosed()
            pool.remove(connection)
            logger.info("Redis connection ended", metadata: ["redis.endpoint": "\(endpoint)"])
        } catch {
            metrics.connectFailures.increment()
            pool.failed(error)
            logger.warning(
                "Redis connection failed",
                metadata: ["redis.endpoint": "\(endpoint)", "redis.error": "\(error)"])
        }
    }
}
