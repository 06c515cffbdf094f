import Foundation
import NIOCore
import NIOHTTP1
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

    @discardableResult
    func redis(_ node: Node, _ name: String, _ arguments: String...) async throws -> RESPValue {
        try await redis(name, arguments, port: node.port)
    }

    func id(of node: Node) async throws -> String { try await redis(node, "CLUSTER", "MYID").text ?? "" }

    /// Whether it takes writes by itself; `nil`: it does not answer.
    func isMaster(_ node: Node) async -> Bool? {
        guard node.isRunning, !node.isPaused, let info = try? await RedisProbe(node).info() else { return nil }
        return info["role"] == "master"
    }

    /// Waits until one of these has become the master.
    func promoted(of replicas: [Node], within limit: Duration = .seconds(20)) async throws -> Node {
        let found = try await Polling.wait(atMost: limit) { () async throws -> Node? in
            for replica in replicas where await isMaster(replica) == true { return replica }
            return nil
        }
        guard let found else { throw Failure.unavailable("no replica was promoted within \(Int(limit.seconds)) s") }
        return found
    }

    /// Waits until it is a replica that has what its master has.
    func follows(_ node: Node, within limit: Duration = .seconds(30)) async throws {
        let isLinked = try await Polling.wait(atMost: limit) { () async throws -> Bool? in
            let info = try? await RedisProbe(node).info()
            return info?["role"] == "slave" && info?["master_link_status"] == "up" ? true : nil
        }
        guard isLinked != nil else { throw Failure.unavailable("\(node.name) does not follow a master") }
    }

    /// Waits until its master sends it what is new. After a full copy it does not before the replica's first
    /// acknowledgement, up to a second; until then `CLUSTER FAILOVER` keeps the writers waiting.
    func isFed(_ replica: Node, by master: Node) async throws {
        let fed = try await Polling.wait(atMost: .seconds(30)) { () async throws -> Bool? in
            guard let info = try? await RedisProbe(master).info() else { return nil }
            let lines = (0..<10).compactMap { info["slave\($0)"] }
            return lines.contains { $0.contains("port=\(replica.port),state=online") } ? true : nil
        }
        guard fed != nil else { throw Failure.unavailable("\(master.name) does not send to \(replica.name)") }
    }

    /// Waits until every other node has a connection to it: a vote for it would not arrive before.
    func isLinked(_ node: Node) async throws {
        let (id, all) = (try await id(of: node), services.redisNodes)
        let linked = try await Polling.wait(atMost: .seconds(30)) { () async throws -> Bool? in
            for other in all where other !== node {
                let lines = (try? await redis(other, "CLUSTER", "NODES").text)?.split(separator: "\n") ?? []
                guard lines.contains(where: { $0.hasPrefix(id) && $0.contains(" connected") }) else { return nil }
            }
            return true
        }
        guard linked != nil else { throw Failure.unavailable("not every node has a connection to \(node.name)") }
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
    func untilWhole(
        _ video: String, since start: ContinuousClock.Instant, within limit: Duration = .seconds(20)
    ) async throws -> Int {
        guard let api = services.commentAPIs.last else { throw Failure.unavailable("there is no CommentAPI") }
        _ = try await Polling.wait(atMost: limit) { await comment(video, through: api) == 201 ? true : nil }
        let seconds = crowd().seconds
        _ = try await Polling.wait(atMost: limit) { crowd().wholeThrough >= seconds ? true : nil }
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
