import Audience
import RedisNIO
import Testbed
import Wire

/// A pod that comes back with its place in the cluster and without its data.
extension Drill {
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
