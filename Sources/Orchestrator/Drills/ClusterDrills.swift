import Audience
import Primitives
import RedisNIO
import Testbed
import Wire

/// Masters of a cluster, and of Sentinels, that die, stand still, are replaced or come back empty.
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
        database: .wanted, redis: .several, arrange: inCluster
    ) { try await $0.killMaster(wholeWithin: failoverMillisecondsMax) }

    static let likesKillMaster = Drill(
        name: "likes-kill-master",
        story:
            "A master of a Redis Cluster dies while people like photos; what its heir lacks is loaded from PostgreSQL.",
        crowd: .likes, redis: .several, arrange: likesInCluster
    ) { try await $0.killMaster(wholeWithin: nil) }

    static let freezeMaster = Drill(
        name: "freeze-master",
        story: "A master of a Redis Cluster stands still (SIGSTOP) until a replica is promoted and 3 s longer.",
        database: .wanted, redis: .several, arrange: inCluster
    ) { try await $0.freezeMaster(wholeWithin: 3_000) }

    static let likesFreezeMaster = Drill(
        name: "likes-freeze-master",
        story:
            "A master of a Redis Cluster stands still while people like photos; what its heir lacks is loaded from"
            + " PostgreSQL.",
        crowd: .likes, redis: .several, arrange: likesInCluster
    ) { try await $0.freezeMaster(wholeWithin: nil) }

    static let sentinelKill = Drill(
        name: "sentinel-kill",
        story: "The master that three Sentinels watch dies by SIGKILL; they promote a replica.",
        database: .wanted, redis: .several, arrange: underSentinels
    ) { try await $0.killMaster(wholeWithin: sentinelMillisecondsMax) }

    static let sentinelFreeze = Drill(
        name: "sentinel-freeze",
        story:
            "The master that three Sentinels watch stands still (SIGSTOP) until a replica is promoted and 3 s longer.",
        database: .wanted, redis: .several, arrange: underSentinels
    ) { try await $0.freezeMaster(wholeWithin: 3_000) }

    // MARK: What an upgrade does: nothing may be noticed

    static let masterFailover = Drill(
        name: "cluster-restart",
        story: "Every node of a Redis Cluster is restarted in turn, each master after CLUSTER FAILOVER on its replica.",
        redis: .several, arrange: { setup, settings in setup.cluster(settings, replicas: 1) }
    ) { fault in
        let cluster = try fault.cluster()
        let calm = try await fault.untilWhole(fault.unwatched(onMaster: 0), since: .now)
        fault.note("ms until whole before that", calm, needed: 0...10_000)
        fault.tell(.begin, "CLUSTER FAILOVER on \(cluster.replicas[0].first?.name ?? "a replica")")
        for (number, (master, replicas)) in zip(cluster.masters, cluster.replicas).enumerated() {
            guard let replica = replicas.first else { throw Failure.unavailable("there is no replica") }
            let video = try fault.unwatched(onMaster: number)
            for (old, new) in [(master, replica), (replica, master)] {
                let start = ContinuousClock.now
                try await fault.redis("CLUSTER", "FAILOVER", port: new.port)
                _ = try await fault.promoted(of: [new])
                fault.note(
                    "ms until whole, \(new.name) for \(old.name)", try await fault.untilWhole(video, since: start),
                    promised: 0...calm + 500)
                try await old.restart()
                try await fault.follows(old)
                try await fault.isFed(old, by: new)
                try await fault.isLinked(old)
                fault.tell(.step, "\(new.name) is the master, \(old.name) has restarted")
            }
        }
        fault.tell(.end, "the last node follows")
    }

    // MARK: A pod that comes back with its place in the cluster and without its data

    static let emptyShard = Drill(
        name: "empty-shard",
        story:
            "A master dies and comes back empty before anybody noticed, and its replica empties itself: viewers of that"
            + " shard are told of a new epoch.",
        database: .wanted, redis: .several, mayMiss: true,
        // So long that the others do not take it for away.
        arrange: { setup, settings in setup.cluster(settings, replicas: 1, nodeTimeout: .seconds(10)) }
    ) { fault in
        let cluster = try fault.cluster()
        let master = cluster.masters[0]
        let before = try await fault.epochs()
        fault.tell(.begin, "SIGKILL to \(master.name)")
        await master.kill()
        try await master.start()
        fault.tell(.end, "\(master.name) is back, empty")
        fault.note("still the master", await fault.isMaster(master) == true ? 1 : 0, needed: 1...1)
        // Comments begin the new epochs.
        try await Task.sleep(for: .seconds(3))
        let changed = try await fault.epochs().filter { before[$0.key] != nil && before[$0.key] != $0.value }
        let own = changed.count { RedisCluster.master(of: $0.key, of: cluster.masters.count) == 0 }
        fault.note("videos of the shard with a new epoch", own, needed: 1...Int.max)
        fault.note("videos of other shards with a new epoch", changed.count - own, promised: 0...0)
    }
}

extension FaultInjector {
    /// The master that a fault is about, its replicas, and a video that it has and nobody watches.
    private func masterAtFault() throws -> (node: Node, replicas: [Node], video: String) {
        if let group = services.sentinels { return (group.master, group.replicas, "unwatched") }
        let cluster = try cluster()
        return (cluster.masters[0], cluster.replicas[0], try unwatched(onMaster: 0))
    }

    /// Waits until all goes on.
    ///
    /// - Parameter most: milliseconds until a comment on the video is acknowledged and viewers have everything; `nil`:
    ///   people like photos. They like again through every master, as each user waits for an answer.
    private func goesOn(
        _ name: String, _ video: String, since start: ContinuousClock.Instant, within most: Int?
    ) async throws {
        if let most {
            note(name, try await untilWhole(video, since: start), promised: 0...most)
        } else {
            note(
                "acknowledged after the promotion", try await acknowledged(2_000, within: .seconds(20)),
                promised: 2_000...Int.max)
        }
    }

    fileprivate func killMaster(wholeWithin most: Int?) async throws {
        let (master, replicas, video) = try masterAtFault()
        tell(.begin, "SIGKILL to \(master.name)")
        let start = ContinuousClock.now
        await master.kill()
        let heir = try await promoted(of: replicas)
        tell(.step, "\(heir.name) is promoted")
        note("ms until promoted", Int((ContinuousClock.now - start).seconds * 1000), needed: 0...20_000)
        try await goesOn("ms until whole", video, since: start, within: most)
        try await master.start()
        try await follows(master)
        tell(.end, "\(master.name) is back and follows")
    }

    fileprivate func freezeMaster(wholeWithin most: Int?) async throws {
        let (master, replicas, video) = try masterAtFault()
        tell(.begin, "SIGSTOP to \(master.name)")
        master.pause()
        defer { master.resume() }
        let heir = try await promoted(of: replicas)
        tell(.step, "\(heir.name) is promoted")
        try await goesOn("ms until whole after that", video, since: .now, within: most)
        try await Task.sleep(for: .seconds(3))
        master.resume()
        try await follows(master)
        tell(.end, "SIGCONT to \(master.name), which follows")
    }

    /// Of every channel that has one.
    fileprivate func epochs() async throws -> [String: String] {
        let channels = try audience().channelNames.compactMap { Channel(name: $0) }
        let endpoint = try RedisEndpoint(parsing: services.told.redis)
        let replies = try await endpoint.withClient { client in
            try await client.send(contentsOf: channels.map { RedisCommand("GET", $0.positionKey) })
        }
        var epochs: [String: String] = [:]
        for (channel, reply) in zip(channels, replies) {
            if let failure = reply.failure { throw failure }
            epochs[channel.name] = reply.text?.split(separator: ".").dropFirst().first.map(String.init)
        }
        return epochs
    }
}
