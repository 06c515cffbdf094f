/// Where a server listens.
public struct RedisAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let host: String
    /// 1 to 65535.
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    public var description: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    public static func < (one: RedisAddress, other: RedisAddress) -> Bool {
        (one.host, one.port) < (other.host, other.port)
    }
}

/// Where a Redis is and how to log in: `redis://[user[:password]@]host[:port][/db]`, or the same with `rediss://`; of a
/// cluster some of its nodes, `redis+cluster://host[:port][,host[:port]…]`; of a master that Sentinels watch some of these,
/// `redis+sentinel://host[:port][,host[:port]…]/name[/db]`.
///
/// User and password may be percent-encoded; `redis://:password@host` is a password without a user. Its description
/// names host, port and database only.
public struct RedisEndpoint: Hashable, Sendable {
    public enum Deployment: Hashable, Sendable {
        /// One server at the address.
        case server
        /// The server at the address, whatever it is: a node of a cluster, a replica, a Sentinel.
        case node
        /// A Redis Cluster; the addresses are some of its nodes, the others are learned.
        case cluster
        /// The addresses are Sentinels, which know where the master of this name is. They are asked without a login.
        case sentinel(master: String)
    }

    public static let defaultPort = 6379
    public static let defaultSentinelPort = 26_379

    public let host: String
    /// 1 to 65535.
    public let port: Int
    /// 0 or more.
    public let database: Int
    public let user: String?
    public let password: String?
    /// `nil`: connections are not encrypted.
    public var tls: RedisTLS?
    public var deployment = Deployment.server
    /// Further addresses of a cluster or of Sentinels.
    public var others: [RedisAddress] = []

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

extension RedisEndpoint {
    public var addresses: [RedisAddress] { [RedisAddress(host: host, port: port)] + others }

    /// One node of the deployment, with the same login.
    func node(_ address: RedisAddress) -> RedisEndpoint {
        var node = RedisEndpoint(
            host: address.host, port: address.port, database: database, user: user, password: password, tls: tls)
        node.deployment = deployment == .cluster ? .node : deployment
        return node
    }

    /// A Sentinel itself.
    func sentinel(_ address: RedisAddress) -> RedisEndpoint {
        var sentinel = RedisEndpoint(host: address.host, port: address.port, tls: tls)
        sentinel.deployment = .node
        return sentinel
    }
}

extension RedisEndpoint: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String {
        let scheme = tls == nil ? "redis" : "rediss"
        let list = addresses.map(\.description).joined(separator: ",")
        return switch deployment {
        case .server, .node: "\(scheme)://\(list)/\(database)"
        case .cluster: "\(scheme)+cluster://\(list)"
        case .sentinel(let master): "\(scheme)+sentinel://\(list)/\(master)/\(database)"
        }
    }
    public var debugDescription: String { description }
}

extension RedisEndpoint: CustomReflectable {
    /// `dump` and failed expectations print mirrors: they get no secret either.
    public var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}
