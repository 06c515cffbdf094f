import Logging
import RedisNIO

/// What a service does in Redis, so that it can be told before it runs what the user of `REDIS_URL` may not.
public struct RedisNeeds: Sendable {
    public var redis: RedisSettings
    /// Commands with their arguments, a key or channel of each kind.
    public var commands: [[String]]

    public init(_ redis: RedisSettings, _ commands: [[String]]) {
        self.redis = redis
        self.commands = commands
    }

    /// Asks Redis about each command; none of them is carried out. A server without ACL allows all.
    private static let script = RedisScript(
        """
        local may = redis.acl_check_cmd
        return (not may or may(unpack(ARGV))) and 1 or 0
        """)

    /// Tries them on the configured Redis.
    ///
    /// - Returns: what is wrong, in sentences: Redis cannot be reached, the login fails, a command or channel is refused.
    public func problems() async -> [String] {
        var settings = RedisClientSettings()
        settings.connections = 1
        settings.graceWait = .seconds(3)
        let client = RedisClient(
            endpoint: redis.endpoint, settings: settings,
            logger: Logger(label: "check") { _ in SwiftLogNoOpLogHandler() })
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await client.run() }
            defer { group.cancelAll() }
            do throws(RedisError) {
                let commands =
                    isCluster ? self.commands.map(Self.sharded) + [["CLUSTER", "NODES"], ["ASKING"]] : self.commands
                let calls = commands.map { command in
                    var call = Self.script.call(keys: [])
                    for argument in command { call.append(argument) }
                    return call
                }
                let replies = try await client.send(contentsOf: calls)
                return zip(commands, replies).compactMap { problem($0, $1) }
            } catch {
                return [error.description]
            }
        }
    }

    private var isCluster: Bool { redis.endpoint.deployment == .cluster }

    /// What a cluster gets in its place.
    private static func sharded(_ command: [String]) -> [String] {
        switch command[0] {
        case "PUBLISH", "SUBSCRIBE", "UNSUBSCRIBE": ["S" + command[0]] + command.dropFirst()
        case "PUBSUB": ["PUBSUB", "SHARD" + command[1]] + command.dropFirst(2)
        default: command
        }
    }

    private func problem(_ command: [String], _ reply: RESPValue) -> String? {
        let text = command.prefix(2).joined(separator: " ")
        switch reply {
        case .failure(let error) where error.code == .reply("NOPERM"):
            return "Redis refuses EVAL, without which no service works"
        case .failure(let error): return "\(text): \(error)"
        default: return reply.integer == 1 ? nil : "Redis refuses \(text)"
        }
    }
}
