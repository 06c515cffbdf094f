import Dispatch
import Glibc
import Logging
import Primitives
public import RedisNIO

/// Asks a Redis of this machine what it says of itself.
public struct RedisProbe: Sendable {
    public let endpoint: RedisEndpoint

    public init(_ node: Node) {
        self.init(
            endpoint: (try? RedisEndpoint(parsing: node.url)) ?? RedisEndpoint(host: "127.0.0.1", port: node.port))
    }

    public init(port: Int) { self.init(endpoint: RedisEndpoint(host: "127.0.0.1", port: port)) }

    private init(endpoint: RedisEndpoint) {
        var endpoint = endpoint
        // It is asked whatever it is: a master, a replica, a node of a cluster, a Sentinel.
        endpoint.deployment = .node
        self.endpoint = endpoint
    }

    /// Whether it takes commands, of whatever kind it is: not while it still loads its data.
    public func isReady() async -> Bool {
        guard let reply = await reply() else { return false }
        return reply.hasPrefix("+PONG") || reply.hasPrefix("-NOAUTH")
    }

    /// What it says to PING; `nil` when that is nothing within a second.
    func reply() async -> String? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: Self.ping(endpoint.port)) }
        }
    }

    private static func ping(_ port: Int) -> String? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard Ports.connect(descriptor, port), Glibc.send(descriptor, "PING\r\n", 6, Int32(MSG_NOSIGNAL)) == 6 else {
            return nil
        }
        var reply = [UInt8](repeating: 0, count: 64)
        let count = recv(descriptor, &reply, reply.count, 0)
        return count > 0 ? String(decoding: reply.prefix(count), as: UTF8.self) : nil
    }

    /// `INFO`, all sections.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when it does not answer.
    public func info() async throws(Failure) -> RedisInfo {
        do {
            return RedisInfo(try await send(RedisCommand("INFO")).text ?? "")
        } catch {
            throw .unavailable("Redis on port \(endpoint.port) does not answer: \(error)")
        }
    }

    /// One command over a connection of its own: a probe must not hold one while its Redis is disturbed. An error reply is
    /// thrown.
    @discardableResult
    public func send(_ command: RedisCommand) async throws -> RESPValue {
        try await withClient { try await $0.send(command) }
    }

    /// Runs `body` with a connection of its own.
    ///
    /// - Parameter graceWait: how long commands wait for the connection when it is lost.
    public func withClient<Answer: Sendable>(
        graceWait: Duration = .seconds(2), commandTimeout: Duration = .seconds(2),
        _ body: @escaping @Sendable (RedisClient) async throws -> Answer
    ) async throws -> Answer {
        try await endpoint.withClient(graceWait: graceWait, commandTimeout: commandTimeout, body)
    }
}

extension RedisEndpoint {
    /// Runs `body` with a connection of its own, to each server that there is.
    ///
    /// - Parameter graceWait: how long commands wait for the connection when it is lost.
    public func withClient<Answer: Sendable>(
        graceWait: Duration = .seconds(2), commandTimeout: Duration = .seconds(2),
        _ body: @escaping @Sendable (RedisClient) async throws -> Answer
    ) async throws -> Answer {
        var settings = RedisClientSettings()
        settings.connections = 1
        settings.graceWait = graceWait
        settings.connection.commandTimeout = commandTimeout
        settings.backoff = Backoff(base: .milliseconds(5), cap: .milliseconds(50))
        let client = RedisClient(
            endpoint: self, settings: settings,
            logger: Logger(label: "redis", factory: { _ in SwiftLogNoOpLogHandler() }))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            defer { group.cancelAll() }
            return try await body(client)
        }
    }
}
