/// Where a Redis is and how to log in: `redis://[user[:password]@]host[:port][/db]`, or the same with `rediss://`.
///
/// User and password may be percent-encoded; `redis://:password@host` is a password without a user. Its description
/// names host, port and database only.
public struct RedisEndpoint: Hashable, Sendable {
    public static let defaultPort = 6379

    public let host: String
    /// 1 to 65535.
    public let port: Int
    /// 0 or more.
    public let database: Int
    public let user: String?
    public let password: String?
    /// `nil`: connections are not encrypted.
    public var tls: RedisTLS?

    public init(
        host: String, port: Int = defaultPort, database: Int = 0, user: String? = nil, password: String? = nil,
        tls: RedisTLS? = nil
    ) {
        self.host = host
        self.port = port
        self.database = database
        self.user = user
        self.password = password
        self.tls = tls
    }
}

extension RedisEndpoint: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String {
        "\(tls == nil ? "redis" : "rediss")://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
    }
    public var debugDescription: String { description }
}

extension RedisEndpoint: CustomReflectable {
    /// `dump` and failed expectations print mirrors: they get no secret either.
    public var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}
