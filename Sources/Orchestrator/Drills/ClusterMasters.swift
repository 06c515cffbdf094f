import Primitives
import Testbed

/// The masters of a cluster, and of Sentinels, that die or stand still.
extension Drill {
    /// Twice the node timeout, and what an election takes.
    private static let failoverMillisecondsMax = 3_500
    /// `down-after-milliseconds`, and what an election takes.
    private static let sentinelMillisecondsMax = 3_000

    private static let inCluster: Arrangement = { setup, settings in
        setup.cluster(settings, replicas: 2)
        setup.acknowledgeReplicated()
    }

    private static let likesInCluster: Arrangement = { setup, settings in
        setup.cluster(settings, replicas: 2)
        setup.keepLikes()
    }

    private static let underSentinels: Arrangement = { setup, _ in
        setup.redisTopology = .sentinels(replicas: 2)
        setup.acknowledgeReplicated()
    }

    static let killMaster = Drill(
        name: "kill-master",
        story:
            "A master of a Redis Cluster dies by SIGKILL; a replica is promoted, and the dead one comes back as its"
            + " replica.",
        database: .wanted, redis: .several,
        arrange: inCluster
    ) { fault in
        let cluster = try fault.cluster()
        let video = try fault.unwatched(onMaster: 0)
        try await fault.killMaster(cluster.masters[0], replicas: cluster.replicas[0]) { start in
            let whole = try await fault.untilWhole(video, since: start)
            fault.note("ms until whole", whole, promised: 0...failoverMillisecondsMax)
        }
    }

    static let likesKillMaster = Drill(
        name: "likes-kill-master",
        story:
            "A master of a Redis Cluster dies while people like photos; what its heir lacks is loaded from PostgreSQL.",
        crowd: .likes, redis: .several, arrange: likesInCluster
    ) { fault in
        let cluster = try fault.cluster()
        try await fault.killMaster(cluster.masters[0], replicas: cluster.replicas[0]) { _ in
            try await fault.likesGoOn()
        }
    }

    static let freezeMaster = Drill(
        name: "freeze-master",
        story: "A master of a Redis Cluster stands still (SIGSTOP) until a replica is promoted and 3 s longer.",
        database: .wanted, redis: .several,
        arrange: inCluster
    ) { fault in
        let cluster = try fault.cluster()
        let video = try fault.unwatched(onMaster: 0)
        try await fault.freezeMaster(cluster.masters[0], replicas: cluster.replicas[0]) { start in
            let whole = try await fault.untilWhole(video, since: start)
            fault.note("ms until whole after that", whole, promised: 0...3_000)
        }
    }

    static let likesFreezeMaster = Drill(
        name: "likes-freeze-master",
        story:
            "A master of a Redis Cluster stands still while people like photos; what its heir lacks is loaded from"
            + " PostgreSQL.",
        crowd: .likes, redis: .several, arrange: likesInCluster
    ) { fault in
        let cluster = try fault.cluster()
        try await fault.freezeMaster(cluster.masters[0], replicas: cluster.replicas[0]) { _ in
            try await fault.likesGoOn()
        }
    }

    static let sentinelKill = Drill(
        name: "sentinel-kill",
        story: "The master that three Sentinels watch dies by SIGKILL; they promote a replica.",
        database: .wanted, redis: .several,
        arrange: underSentinels
    ) { fault in
        let group = try fault.sentinels()
        try await fault.killMaster(group.master, replicas: group.replicas) { start in
            let whole = try await fault.untilWhole("unwatched", since: start)
            fault.note("ms until whole", whole, promised: 0...sentinelMillisecondsMax)
        }
    }

    static let sentinelFreeze = Drill(
        name: "sentinel-freeze",
        story:
            "The master that three Sentinels watch stands still (SIGSTOP) until a replica is promoted and 3 s longer.",
        database: .wanted, redis: .several,
        arrange: underSentinels
    ) { fault in
        let group = try fault.sentinels()
        try await fault.freezeMaster(group.master, replicas: group.replicas) { start in
            let whole = try await fault.untilWhole("unwatched", since: start)
            fault.note("ms until whole after that", whole, promised: 0...3_000)
        }
    }
}

extension FaultInjector {
    fileprivate func sentinels() throws(Failure) -> SentinelGroup {
        guard let group = services.sentinels else { throw .unavailable("there are no Sentinels") }
        return group
    }

    /// People like again through every master: each user waits for an answer before the next request.
    fileprivate func likesGoOn() async throws {
        note(
            "acknowledged after the promotion", try await acknowledged(2_000, within: .seconds(20)),
            promised: 2_000...Int.max)
    }

    /// - Parameter untilWhole: waits until all goes on; gets the time of the fault.
    fileprivate func killMaster(
        _ master: Node, replicas: [Node], untilWhole: (ContinuousClock.Instant) async throws -> Void
    ) async throws {
        tell(.begin, "SIGKILL to \(master.name)")
        let start = ContinuousClock.now
        await master.kill()
        let heir = try await promoted(of: replicas)
        tell(.step, "\(heir.name) is promoted")
        note("ms until promoted", Int((ContinuousClock.now - start).seconds * 1000), needed: 0...20_000)
        try await untilWhole(start)
        try await master.start()
        try await follows(master)
        tell(.end, "\(master.name) is back and follows")
    }

    /// - Parameter untilWhole: waits until all goes on; gets the time of the promotion.
    fileprivate func freezeMaster(
        _ master: Node, replicas: [Node], untilWhole: (ContinuousClock.Instant) async throws -> Void
    ) async throws {
        tell(.begin, "SIGSTOP to \(master.name)")
        master.pause()
        defer { master.resume() }
        let heir = try await promoted(of: replicas)
        tell(.step, "\(heir.name) is promoted")
        try await untilWhole(.now)
        try await Task.sleep(for: .seconds(3))
        master.resume()
        try await follows(master)
        tell(.end, "SIGCONT to \(master.name), which follows")
    }
}
