import Foundation
import Primitives
import RedisNIO

/// The servers of a Redis Cluster.
public struct RedisCluster: Sendable {
    /// With the slots from the beginning on; after a failover some of the others have them.
    public let masters: [Node]
    /// `replicas[i]` began as those of `masters[i]`.
    public let replicas: [[Node]]

    /// Ports of ``nodes`` as they announce them.
    let ports: [Int]
    /// Through which all of them are reached; `nil`: there is none.
    public let network: RelayNetwork?

    public var nodes: [Node] { masters + replicas.flatMap { $0 } }

    /// `redis+cluster://` with all nodes.
    public var url: String { "redis+cluster://" + ports.map { "127.0.0.1:\($0)" }.joined(separator: ",") }

    /// Slots of a master at the beginning, of so many.
    public static func slots(ofMaster number: Int, of masters: Int) -> Range<Int> {
        number * HashSlot.count / masters..<(number + 1) * HashSlot.count / masters
    }

    /// Which of so many masters has a key or sharded channel at the beginning.
    public static func master(of key: String, of masters: Int) -> Int {
        // The last of those that begin at or before the slot.
        ((HashSlot(key: key).number + 1) * masters - 1) / HashSlot.count
    }
}

/// A master that Sentinels watch.
public struct SentinelGroup: Sendable {
    /// What they call it.
    public static let name = "chorus"

    /// At the beginning; after a failover one of the replicas is it.
    public let master: Node
    public let replicas: [Node]
    public let sentinels: [Node]

    public var url: String {
        "redis+sentinel://" + sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",") + "/" + Self.name
    }
}

extension Testbed {
    /// Starts a Redis Cluster with its slots spread evenly, and waits until all nodes agree on it.
    ///
    /// - Parameters:
    ///   - replicas: of each master.
    ///   - nodeTimeout: silence after which a node is away for the others.
    ///   - isRelayed: everybody reaches them through ``RedisCluster/network``, which can be cut.
    public func startRedisCluster(
        masters: Int = 3, replicas: Int = 0, nodeTimeout: Duration = .seconds(1),
        options: RedisOptions = RedisOptions(), isRelayed: Bool = false, name: String = "redis"
    ) async throws -> RedisCluster {
        let network = isRelayed ? makeNetwork() : nil
        var nodes: [Node] = []
        var ports: [(commands: Int, bus: Int)] = []
        for number in 0..<masters * (1 + replicas) {
            let (port, busPort) = (try Ports.one(), try Ports.one())
            var announced = (commands: port, bus: busPort)
            let own = "\(name)-\(number)"
            var options = options
            options.arguments += [
                "--cluster-enabled", "yes", "--cluster-port", "\(busPort)", "--cluster-node-timeout",
                "\(nodeTimeout.milliseconds)", "--cluster-allow-reads-when-down", "no",
                "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1",
            ]
            if let network {
                announced.commands = try await network.relay(to: port, of: own, isBus: false)
                announced.bus = try await network.relay(to: busPort, of: own, isBus: true)
                options.arguments += [
                    "--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port", "\(announced.commands)",
                    "--cluster-announce-bus-port", "\(announced.bus)",
                ]
            }
            nodes.append(try await startRedis(options, name: own, port: port))
            ports.append(announced)
        }
        for (number, node) in nodes.enumerated() {
            try await RedisProbe(node).send(RedisCommand("CLUSTER", "SET-CONFIG-EPOCH", "\(number + 1)"))
            guard number < masters else { continue }
            let slots = RedisCluster.slots(ofMaster: number, of: masters)
            try await RedisProbe(node).send(
                RedisCommand("CLUSTER", "ADDSLOTSRANGE", "\(slots.lowerBound)", "\(slots.upperBound - 1)"))
        }
        for port in ports.dropFirst() {
            try await RedisProbe(nodes[0]).send(
                RedisCommand("CLUSTER", "MEET", "127.0.0.1", "\(port.commands)", "\(port.bus)"))
        }
        let cluster = RedisCluster(
            masters: Array(nodes[..<masters]),
            replicas: (0..<masters).map { Array(nodes[(masters + $0 * replicas)..<(masters + ($0 + 1) * replicas)]) },
            ports: ports.map(\.commands), network: network)
        try await wait("the cluster's nodes know each other") {
            for node in nodes where try await Self.known(node) < nodes.count { return false }
            return true
        }
        for (master, replicas) in zip(cluster.masters, cluster.replicas) where !replicas.isEmpty {
            let id = try await RedisProbe(master).send(RedisCommand("CLUSTER", "MYID")).text ?? ""
            for replica in replicas { try await RedisProbe(replica).send(RedisCommand("CLUSTER", "REPLICATE", id)) }
        }
        try await wait("the cluster is whole") {
            for node in nodes {
                let state = try await RedisProbe(node).send(RedisCommand("CLUSTER", "INFO")).text ?? ""
                guard state.contains("cluster_state:ok") else { return false }
            }
            for replica in cluster.replicas.flatMap({ $0 }) {
                guard try await RedisProbe(replica).info()["master_link_status"] == "up" else { return false }
            }
            return true
        }
        return cluster
    }

    /// Starts a master, its replicas and Sentinels that watch them, and waits until the Sentinels know all.
    ///
    /// - Parameter downAfter: silence after which the master is away for a Sentinel.
    public func startSentinels(
        count: Int = 3, replicas: Int = 1, downAfter: Duration = .seconds(1), name: String = "redis"
    ) async throws -> SentinelGroup {
        let master = try await startRedis(name: "\(name)-0")
        var copies: [Node] = []
        for number in 0..<replicas {
            let options = RedisOptions(arguments: [
                "--replicaof", "127.0.0.1", "\(master.port)", "--repl-diskless-sync-delay", "0",
            ])
            copies.append(try await startRedis(options, name: "\(name)-\(number + 1)"))
        }
        var sentinels: [Node] = []
        for number in 0..<count {
            let name = "\(name)-sentinel-\(number)"
            sentinels.append(try await startSentinel(name, master, downAfter, quorum: count / 2 + 1))
        }
        try await wait("the Sentinels know each other and the replicas") {
            for sentinel in sentinels {
                let reply = try await RedisProbe(sentinel).send(RedisCommand("SENTINEL", "MASTER", SentinelGroup.name))
                let words = (reply.array ?? []).map { $0.text ?? "" }
                func value(_ field: String) -> Int? { words.firstIndex(of: field).flatMap { Int(words[$0 + 1]) } }
                guard value("num-other-sentinels") == count - 1, value("num-slaves") == replicas else { return false }
            }
            for copy in copies {
                guard try await RedisProbe(copy).info()["master_link_status"] == "up" else { return false }
            }
            return true
        }
        return SentinelGroup(master: master, replicas: copies, sentinels: sentinels)
    }

    /// - Parameter quorum: of Sentinels that have to agree that the master is away.
    private func startSentinel(
        _ name: String, _ master: Node, _ downAfter: Duration, quorum: Int
    ) async throws -> Node {
        let directory = try makeDirectory(name)
        let port = try Ports.one()
        let group = SentinelGroup.name
        let lines = [
            "port \(port)", "bind 127.0.0.1", "dir \(directory)",
            "sentinel monitor \(group) 127.0.0.1 \(master.port) \(quorum)",
            "sentinel down-after-milliseconds \(group) \(downAfter.milliseconds)",
            "sentinel failover-timeout \(group) \(10 * downAfter.milliseconds)",
        ]
        let file = directory + "/sentinel.conf"
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: file))
        let specification = ChildSpecification(
            name: name, executable: try binaries.system("redis-server", package: "redis-server"),
            arguments: [file, "--sentinel"], environment: [:], log: folders.log(name), phase: .servers)
        let node = try await add(
            .redis, specification, port: port, url: "redis://127.0.0.1:\(port)", directory: directory,
            readiness: .redis)
        try await Node.waitUntilReady([node])
        return node
    }

    /// How many nodes this one has a connection to, itself included.
    private static func known(_ node: Node) async throws -> Int {
        let text = try await RedisProbe(node).send(RedisCommand("CLUSTER", "NODES")).text ?? ""
        return text.split(separator: "\n").count { !$0.contains("handshake") && $0.contains(" connected") }
    }

    private func wait(_ what: String, until isDone: () async throws -> Bool) async throws {
        try await Polling.until(atMost: .seconds(30), late: "within 30 seconds it did not happen that \(what)") {
            (try? await isDone()) == true
        }
    }
}
