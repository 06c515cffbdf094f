import Logging
import RedisNIO

/// Asks a Redis of this machine what it says of itself.
struct RedisProbe: Sendable {
    var port: Int

    /// Whether it takes commands.
    func isReady() async -> Bool {
        (try? await send(RedisCommand("PING"))) != nil
    }

    /// `INFO`, all sections.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when it does not answer.
    func info() async throws(Failure) -> RedisInfo {
        do {
            return RedisInfo(try await send(RedisCommand("INFO")).text ?? "")
        } catch {
            throw .unavailable("Redis on port \(port) does not answer: \(error)")
        }
    }

    /// One command over a connection of its own: a probe must not hold one while its Redis is disturbed.
    func send(_ command: RedisCommand) async throws -> RESPValue {
        var settings = RedisClientSettings()
        settings.connections = 1
        settings.graceWait = .seconds(2)
        let client = RedisClient(
            endpoint: RedisEndpoint(host: "127.0.0.1", port: port), settings: settings,
            logger: Logger(label: "redis", factory: { _ in SwiftLogNoOpLogHandler() }))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            defer { group.cancelAll() }
            return try await client.send(command)
        }
    }
}
