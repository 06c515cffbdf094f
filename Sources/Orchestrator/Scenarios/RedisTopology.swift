import Primitives

/// The Redis of an experiment.
enum RedisTopology: Equatable, Sendable {
    case server
    /// - Parameters:
    ///   - replicas: of each master.
    ///   - isRelayed: its network can be cut.
    case cluster(masters: Int, replicas: Int, nodeTimeout: Duration = .seconds(1), isRelayed: Bool = false)
    /// A master with replicas, and three Sentinels.
    case sentinels(replicas: Int, downAfter: Duration = .seconds(1))

    /// Of `--redis-nodes` and `--redis-replicas`.
    init(nodes: Int?, replicas: Int) {
        self = nodes.map { .cluster(masters: $0, replicas: replicas) } ?? .server
    }

    /// Names of the processes that keep data.
    var names: [String] {
        switch self {
        case .server: ["redis"]
        case .cluster(let masters, let replicas, _, _): (0..<masters * (1 + replicas)).map { "redis-\($0)" }
        case .sentinels(let replicas, _): (0...replicas).map { "redis-\($0)" }
        }
    }

    var note: String? {
        switch self {
        case .server: nil
        case .cluster(let masters, let replicas, let timeout, _):
            "Redis Cluster: \(masters) master\(masters == 1 ? "" : "s") with \(Self.count(replicas)) each,"
                + " cluster-node-timeout \(timeout.milliseconds)"
        case .sentinels(let replicas, let downAfter):
            "3 Sentinels, \(Self.count(replicas)), down-after-milliseconds \(downAfter.milliseconds)"
        }
    }

    private static func count(_ replicas: Int) -> String { "\(replicas) replica\(replicas == 1 ? "" : "s")" }
}
