import Primitives
import RedisNIO
import Testbed

/// A network of a Redis Cluster that does not carry everything.
extension Drill {
    static let partition = Drill(
        name: "partition",
        story:
            "A master and one of two CommentAPIs are cut off from everybody else for 8 s: what that master takes alone"
            + " is lost, so it may acknowledge nothing.",
        database: .wanted, redis: .several, mayMiss: true,
        arrange: { setup, settings in
            setup.cluster(settings, replicas: 2, isRelayed: true)
            setup.acknowledgeReplicated()
            setup.commentAPIs = 2
        }
    ) { fault in
        let (cluster, writer) = (try fault.cluster(), fault.services.commentAPIs[0])
        let (master, video) = (cluster.masters[0], try fault.unwatched(onMaster: 0))
        fault.note("comments taken before", await fault.comment(video, through: writer) == 201 ? 1 : 0, needed: 1...1)
        fault.tell(.begin, "\(master.name) and \(writer.name) are alone")
        let start = ContinuousClock.now
        try await fault.network().isolate([master.name, writer.name])
        async let answers = fault.answers(video, through: writer, for: .seconds(8))
        let heir = try await fault.promoted(of: cluster.replicas[0])
        fault.tell(.step, "\(heir.name) is promoted")
        let refuses = try await Polling.until(atMost: .seconds(8)) {
            try await fault.redis("CLUSTER", "INFO", port: master.port).text?.contains("cluster_state:fail") ?? false
        }
        fault.note("the minority refuses", refuses ? 1 : 0, promised: 1...1)
        fault.note(
            "ms until whole on the other side", try await fault.untilWhole(video, since: start), promised: 0...4_500)
        let (taken, asked) = await answers
        fault.note("comments asked of the minority", asked, needed: 1...Int.max)
        fault.note("comments acknowledged by the minority", taken, promised: 0...0)
        try fault.network().heal()
        try await fault.follows(master)
        fault.tell(.end, "the network is whole, \(master.name) follows")
    }

    static let staleReplica = Drill(
        name: "stale-replica",
        story:
            "For 6 s nothing reaches the only replica of a master, which then dies; the replica is promoted without"
            + " that.",
        database: .wanted, redis: .several, mayMiss: true,
        arrange: { setup, settings in
            setup.cluster(settings, replicas: 1, isRelayed: true)
            setup.acknowledgeReplicated()
        }
    ) { fault in
        let cluster = try fault.cluster()
        let (master, video) = (cluster.masters[0], try fault.unwatched(onMaster: 0))
        guard let replica = cluster.replicas[0].first else { throw Failure.unavailable("there is no replica") }
        let (from, to) = (replica.name, master.name)
        fault.tell(.begin, "\(replica.name) gets nothing from \(master.name)")
        try await fault.network().cut { $0.from == from && $0.to == to && !$0.isBus }
        let writer = fault.services.commentAPIs[0]
        let (taken, asked) = await fault.answers(video, through: writer, for: .seconds(6))
        fault.note("comments asked of the master", asked, needed: 1...Int.max)
        fault.note("comments acknowledged that no replica has", taken, promised: 0...0)
        let lag = try await fault.offset(of: master) - fault.offset(of: replica)
        fault.note("bytes that the replica lacks", lag, needed: 1...Int.max)
        fault.tell(.step, "SIGKILL to \(master.name); the replica lacks \(lag) bytes")
        await master.kill()
        _ = try await fault.promoted(of: [replica])
        fault.tell(.step, "\(replica.name) is promoted")
        try fault.network().heal()
        try await master.start()
        try await fault.follows(master)
        fault.tell(.end, "\(master.name) is back and follows")
    }
}

extension FaultInjector {
    /// How many of the comments that one writer sends are acknowledged.
    fileprivate func answers(
        _ video: String, through writer: Node, for time: Duration
    ) async -> (taken: Int, asked: Int) {
        let end = ContinuousClock.now + time
        var (taken, asked) = (0, 0)
        while ContinuousClock.now < end {
            asked += 1
            if await comment(video, through: writer) == 201 { taken += 1 }
            // Cancelled: the drill is over anyway.
            try? await Task.sleep(for: .milliseconds(50))
        }
        return (taken, asked)
    }

    /// How far a replica is in what its master has written, or the master.
    fileprivate func offset(of node: Node) async throws -> Int {
        let info = try await RedisProbe(node).info()
        return Int(info["role"] == "slave" ? info["slave_repl_offset"] ?? "" : info["master_repl_offset"] ?? "") ?? 0
    }
}
