import Foundation
import Primitives
import RedisNIO

/// The servers of a Redis Cluster.
public struct RedisCluster: Sendable {
    /// With the slots from the beginning on; after a failover some of the others have them.
    public let masters: [Node]
    /// `replicas[i]` began as those of `masters[i]`.
    public let replicas: [[Node]]

    public var nodes: [Node] { masters + replicas.flatMap { $0 } }

    /// `redis+cluster://` with all nodes.
    public var url: String { "redis+cluster://" + nodes.map { "127.0.0.1:\($0.port)" }.joined(separator: ",") }
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
    public func startRedisCluster(
        masters: Int = 3, replicas: Int = 0, nodeTimeout: Duration = .seconds(1),
        options: RedisOptions = RedisOptions(), name: String = "redis"
    ) async throws -> RedisCluster {
        var nodes: [Node] = []
        var busPorts: [Int] = []
        for number in 0..<masters * (1 + replicas) {
            let busPort = try Ports.one()
            var options = options
            options.arguments += [
                "--cluster-enabled", "yes", "--cluster-port", "\(busPort)", "--cluster-node-timeout",
                "\(nodeTimeout.milliseconds)", "--cluster-allow-reads-when-down", "no",
                "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1",
            ]
            nodes.append(try await startRedis(options, name: "\(name)-\(number)"))
            busPorts.append(busPort)
        }
        for (number, node) in nodes.enumerated() {
            try await RedisProbe(node).send(["CLUSTER", "SET-CONFIG-EPOCH", "\(number + 1)"])
            guard number < masters else { continue }
            let (first, last) = (number * 16_384 / masters, (number + 1) * 16_384 / masters - 1)
            try await RedisProbe(node).send(["CLUSTER", "ADDSLOTSRANGE", "\(first)", "\(last)"])
        }
        for (node, busPort) in zip(nodes, busPorts).dropFirst() {
            try await RedisProbe(nodes[0]).send(["CLUSTER", "MEET", "127.0.0.1", "\(node.port)", "\(busPort)"])
        }
        let cluster = RedisCluster(
            masters: Array(nodes[..<masters]),
            replicas: (0..<masters).map { Array(nodes[(masters + $0 * replicas)..<(masters + ($0 + 1) * replicas)]) })
        try await wait("the cluster's nodes know each other") {
            for node in nodes where try await Self.known(node) < nodes.count { return false }
            return true
        }
        for (master, replicas) in zip(cluster.masters, cluster.replicas) where !replicas.isEmpty {
            let id = try await RedisProbe(master).send(RedisCommand("CLUSTER", "MYID")).text ?? ""
            for replica in replicas { try await RedisProbe(replica).send(["CLUSTER", "REPLICATE", id]) }
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
        let done = try await Polling.wait(atMost: .seconds(30)) { () async throws -> Bool? in
            (try? await isDone()) == true ? true : nil
        }
        guard done != nil else { throw Failure.unavailable("within 30 seconds it did not happen that \(what)") }
    }
}

extension RedisProbe {
    fileprivate func send(_ words: [String]) async throws {
        let reply = try await send(RedisCommand(words[0], words.dropFirst()))
        if let failure = reply.failure { throw failure }
    }
}
