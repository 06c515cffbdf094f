public import Wire

/// What the channels of a deployment are called in Redis: everything that publishes, subscribes or counts asks here.
///
/// PUBLISH and SUBSCRIBE do not know databases. Deployments that share a Redis, each with a database of its own, would hear
/// each other, so a namespace stands in front of each name: `staging/video:video1`. No id and no namespace holds the `/`
/// between, so that names of different namespaces are never the same. What viewers and statistics see has none.
public struct ChannelNames: Hashable, Sendable {
    private let prefix: String

    /// - Parameter namespace: by the rule of ``Identifier``; `nil` for none.
    public init(namespace: String?) {
        prefix = namespace.map { $0 + "/" } ?? ""
    }

    /// The namespace of a deployment that names none: `db1` in database 1, none in database 0.
    public static func namespace(ofDatabase database: Int) -> String? {
        database == 0 ? nil : "db\(database)"
    }

    public func name(of channel: Channel) -> String {
        prefix.isEmpty ? channel.name : prefix + channel.name
    }

    /// The channel that Redis calls so; `nil` for a name of another deployment, and for what is no channel of viewers.
    public func channel(named name: String) -> Channel? {
        guard !prefix.isEmpty else { return Channel(name: name) }
        return name.hasPrefix(prefix) ? Channel(name: String(name.dropFirst(prefix.count))) : nil
    }

    /// Where the process called `instance` sends probes to its own subscriber.
    public func probe(of instance: String) -> String { prefix + "probe:" + instance }

    /// Patterns of `PUBSUB CHANNELS` for what is in Redis and no channel of viewers of this deployment: its probes and,
    /// without a namespace, everything of others that have one.
    var othersPatterns: [String] { [probe(of: "*")] + (prefix.isEmpty ? ["*/*"] : []) }

    /// The pattern for everything in this namespace; `nil` without one: then it is everything but the others.
    var ownPattern: String? { prefix.isEmpty ? nil : prefix + "*" }
}
