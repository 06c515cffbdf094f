import Foundation
import NIOCore
import NIOHTTP1
import Primitives
import RedisNIO
import Testbed
import Wire

/// What a drill does to a Redis of several servers.
extension FaultInjector {
    func cluster() throws(Failure) -> RedisCluster {
        guard let cluster = services.cluster else { throw .unavailable("there is no Redis Cluster") }
        return cluster
    }

    func network() throws(Failure) -> RelayNetwork {
        guard let network = try cluster().network else { throw .unavailable("there is no network that can be cut") }
        return network
    }

    func id(of node: Node) async throws -> String { try await redis("CLUSTER", "MYID", port: node.port).text ?? "" }

    /// Whether it takes writes by itself; `nil`: it does not answer.
    func isMaster(_ node: Node) async -> Bool? {
        guard node.isRunning, !node.isPaused, let info = try? await RedisProbe(node).info() else { return nil }
        return info["role"] == "master"
    }

    /// Waits until one of these has become the master.
    func promoted(of replicas: [Node], within limit: Duration = .seconds(20)) async throws -> Node {
        try await Polling.wait(atMost: limit, late: "no replica was promoted within \(Int(limit.seconds)) s") {
            for replica in replicas where await isMaster(replica) == true { return replica }
            return nil
        }
    }

    /// Waits until it is a replica that has what its master has.
    func follows(_ node: Node, within limit: Duration = .seconds(30)) async throws {
        try await Polling.until(atMost: limit, late: "\(node.name) does not follow a master") {
            let info = try? await RedisProbe(node).info()
            return info?["role"] == "slave" && info?["master_link_status"] == "up"
        }
    }

    /// Waits until it has told its master that it has what that one has now. After a full copy the master sends nothing
    /// before the replica's first acknowledgement, up to a second, and `CLUSTER FAILOVER` keeps writers waiting as long.
    func isFed(_ replica: Node, by master: Node) async throws {
        let offset = try await RedisProbe(master).info()["master_repl_offset"].flatMap { Int($0) } ?? 0
        try await Polling.until(atMost: .seconds(30), late: "\(master.name) does not send to \(replica.name)") {
            guard let info = try? await RedisProbe(master).info() else { return false }
            return (0..<10).contains { number in
                let parts = info["slave\(number)"]?.split(separator: ",") ?? []
                let acknowledged = parts.first { $0.hasPrefix("offset=") }.flatMap { Int($0.dropFirst(7)) }
                return parts.contains("port=\(replica.port)") && acknowledged ?? -1 >= offset
            }
        }
    }

    /// Waits until every other node has a connection to it: a vote for it would not arrive before.
    func isLinked(_ node: Node) async throws {
        let (id, all) = (try await id(of: node), services.redisNodes)
        try await Polling.until(atMost: .seconds(30), late: "not every node has a connection to \(node.name)") {
            for other in all where other !== node {
                let lines = (try? await redis("CLUSTER", "NODES", port: other.port).text)?.split(separator: "\n") ?? []
                guard lines.contains(where: { $0.hasPrefix(id) && $0.contains(" connected") }) else { return false }
            }
            return true
        }
    }

    /// A video that nobody watches, which this master has at the beginning.
    func unwatched(onMaster number: Int) throws -> String {
        let masters = try cluster().masters.count
        return (0..<10_000).map { "unwatched-\($0)" }
            .first { RedisCluster.master(of: "video:\($0)", of: masters) == number } ?? "unwatched"
    }

    /// The status that a CommentAPI answers to a comment; 0: none.
    func comment(_ video: String, through api: Node, within limit: TimeAmount = .seconds(2)) async -> Int {
        let comment = CommentRequest(userid: "drill", videoid: video, comment: "drill")
        let body = (try? JSONEncoder().encode(comment)) ?? Data()
        return Int((try? await ServiceClient(api, timeout: limit).send(.POST, "/comment", body).status) ?? 0)
    }

    /// Milliseconds from `start` until a comment on this video is acknowledged, and after that every viewer has
    /// everything that was acknowledged until then.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` saying which of both did not come within `limit`.
    func untilWhole(
        _ video: String, since start: ContinuousClock.Instant, within limit: Duration = .seconds(20)
    ) async throws -> Int {
        guard let api = services.commentAPIs.last else { throw Failure.unavailable("there is no CommentAPI") }
        let within = "within \(Int(limit.seconds)) s"
        try await Polling.until(atMost: limit, late: "no comment on \(video) was acknowledged \(within)") {
            await comment(video, through: api) == 201
        }
        let now = seconds()
        try await Polling.until(atMost: limit, late: "not every viewer had everything \(within) after that") {
            crowd().wholeThrough >= now
        }
        return Int((ContinuousClock.now - start).seconds * 1000)
    }

    /// Runs `redis-cli --cluster`, as an operator does.
    func redisCLI(_ arguments: String...) async throws {
        let program = try testbed.binaries.system("redis-cli", package: "redis-tools")
        try await testbed.supervisor.output(of: program, ["--cluster"] + arguments)
    }
}

extension ExperimentSetup {
    /// A cluster: with what was typed, else three masters with so many replicas.
    mutating func cluster(
        _ settings: DrillSettings, replicas: Int, nodeTimeout: Duration = .seconds(1), isRelayed: Bool = false
    ) {
        redisTopology = .cluster(
            masters: settings.redisNodes ?? 3, replicas: settings.redisReplicas ?? replicas, nodeTimeout: nodeTimeout,
            isRelayed: isRelayed)
    }
}
