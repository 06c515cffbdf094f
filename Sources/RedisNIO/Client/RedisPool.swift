import CoreMetrics
import Logging
import NIOCore
import NIOPosix
import Primitives

/// The connections to one server, kept alive and renewed while ``run()`` runs. Commands of all tasks share them.
final class RedisPool: Sendable {
    private typealias Waiter = CheckedContinuation<RedisConnection?, Never>

    private struct Pool {
        var connections: [RedisConnection] = []
        var next = 0
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        var isShutDown = false
        /// Why there is no connection: the last one's end, or what the last attempt to connect met; `nil` after a success.
        var lastFailure: RedisError?
        /// Why the last write that was tried was refused; `nil` after one that was taken.
        var writeRefusal: RedisError?
        /// The server of the newest connection.
        var serverID: String?
        /// A connection was left because its server is no master any longer.
        var hasLeft = false
        var whenMoved: [@Sendable () -> Void] = []

        var isConnected: Bool { connections.contains { $0.failure == nil } }

        /// The next connection in turn that takes commands.
        mutating func pick() -> RedisConnection? {
            for _ in connections.indices {
                next = (next + 1) % connections.count
                if connections[next].failure == nil { return connections[next] }
            }
            return nil
        }

        mutating func takeWaiters() -> [Waiter] {
            defer { waiters = [:] }
            return Array(waiters.values)
        }
    }

    let endpoint: RedisEndpoint
    private let settings: RedisClientSettings
    private let group: any EventLoopGroup
    private let logger: Logger
    private let metrics: RedisMetrics
    private let connected: @Sendable (Bool) -> Void
    private let pool = Mutex(Pool())

    /// - Parameter connected: told when the first connection stands, and when the last one has ended.
    init(
        endpoint: RedisEndpoint, settings: RedisClientSettings, group: any EventLoopGroup, logger: Logger,
        metrics: RedisMetrics, connected: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        self.endpoint = endpoint
        self.settings = settings
        self.group = group
        self.logger = logger
        self.metrics = metrics
        self.connected = connected
    }

    /// Whether at least one connection stands and is logged in.
    var isConnected: Bool { pool.withLock { $0.isConnected } }

    /// Calls `body` when the endpoint leads to another server than the one that was left as a replica: connections to the old
    /// one may stand, and need not say so.
    func whenMoved(_ body: @escaping @Sendable () -> Void) { pool.withLock { $0.whenMoved.append(body) } }

    /// Why commands sent now would fail, as far as is known: there is no connection, or, when the settings need writes,
    /// writes are refused. `nil`: they would work.
    var trouble: RedisError? {
        pool.withLock { pool in
            if pool.isConnected { return pool.writeRefusal }
            return pool.lastFailure ?? RedisError(.notConnected, "no connection to \(endpoint)")
        }
    }

    /// A connection for commands that must go to the same server process. Do not keep it: it may end at any time.
    func connection() async throws(RedisError) -> RedisConnection {
        if let connection = pool.withLock({ $0.pick() }) { return connection }
        if let connection = await waitForConnection() { return connection }
        let failure = pool.withLock { $0.lastFailure }
        if let failure, failure.code == .unsupported { throw failure }
        let reason = failure.map { "; last attempt: \($0)" } ?? ""
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

extension RedisPool {
    /// Keeps the connections; returns when the task is cancelled, with all of them closed. Call it once.
    ///
    /// - Throws: ``RedisError`` `unsupported` when a server turns out to be one that cannot be worked with, a cluster for
    ///   instance, at whichever connection that shows.
    func run() async throws {
        defer { shutDown() }
        try await withTaskCancellationHandler {
            try await withThrowingTaskGroup { group in
                for _ in 0..<max(1, settings.connections) {
                    group.addTask {
                        // One that gives up ends the others, too.
                        defer { self.shutDown() }
                        try await keepConnected(self.settings.backoff) { () async throws(RedisError) in
                            try await self.connectAndWait()
                        }
                    }
                }
                // The first error ends the others.
                while try await group.next() != nil {}
            }
        } onCancel: {
            shutDown()
        }
    }

    /// Throws `unsupported` only.
    private func connectAndWait() async throws(RedisError) {
        let end: RedisError?
        do throws(RedisError) {
            let connection = try await RedisConnection.connect(
                to: endpoint, settings: settings.connection, group: group, metrics: metrics)
            metrics.connected.increment()
            for notice in connection.notices {
                logger.warning("\(notice)", metadata: ["redis.endpoint": "\(endpoint)"])
            }
            add(connection)
            if settings.connection.needsWrites, endpoint.deployment != .node {
                await checkWritesUntilClosed(connection)
            } else {
                await connection.waitUntilClosed()
            }
            end = connection.failure
            logger.info(
                "Redis connection ended",
                metadata: ["redis.endpoint": "\(endpoint)", "redis.error": "\(end.map(\.description) ?? "")"])
            remove(connection)
        } catch {
            metrics.connectFailures.increment()
            pool.withLock { $0.lastFailure = error }
            logger.warning(
                "Redis connection failed",
                metadata: ["redis.endpoint": "\(endpoint)", "redis.error": "\(error)"])
            end = error
        }
        if let end, end.code == .unsupported { throw end }
    }

    /// Finds out that the server stopped taking writes, also when nobody writes.
    private func checkWritesUntilClosed(_ connection: RedisConnection) async {
        await withTaskGroup { group in
            group.addTask {
                while !Task.isCancelled {
                    do throws(RedisError) {
                        let refusal = try await connection.checkWrites()
                        self.pool.withLock { $0.writeRefusal = refusal }
                    } catch {
                        // The wrong server, or no answer: the connection ends, which is told where that is seen.
                    }
                    // Cancelled while sleeping: the loop's condition ends it.
                    try? await Task.sleep(for: self.settings.connection.writeCheckInterval)
                }
            }
            await connection.waitUntilClosed()
            group.cancelAll()
        }
    }

    private func add(_ connection: RedisConnection) {
        let server = connection.serverID
        let (isShutDown, isFirst, waiters, moved) = pool.withLock { pool in
            pool.connections.append(connection)
            pool.lastFailure = nil
            let isMoved = pool.hasLeft && server != pool.serverID
            if isMoved { pool.hasLeft = false }
            pool.serverID = server
            return (pool.isShutDown, pool.connections.count == 1, pool.takeWaiters(), isMoved ? pool.whenMoved : [])
        }
        for body in moved { body() }
        for waiter in waiters { waiter.resume(returning: connection) }
        if isFirst { connected(true) }
        if isShutDown { connection.close() }
    }

    private func remove(_ connection: RedisConnection) {
        let isLast = pool.withLock { pool in
            pool.connections.removeAll { $0 === connection }
            if pool.connections.isEmpty { pool.lastFailure = connection.failure }
            if connection.failure?.verdict == .leave { pool.hasLeft = true }
            return pool.connections.isEmpty
        }
        if isLast { connected(false) }
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
