import RedisNIO
import Testbed

/// The name of the master goes to its replica and back, and the connections to the demoted one stay open: what DNS, a
/// virtual address or a service of Kubernetes do. Here the name is a port.
extension Drill {
    static let redisDemoted = Drill(
        name: "redis-demoted",
        story: "A replica is promoted under the master's name, which becomes its replica; later the same back.",
        database: .wanted, redis: .server, mayMiss: true, strike: demoteRedis)

    static let likesRedisDemoted = Drill(
        name: "likes-redis-demoted",
        story: "The same while people like photos: what the new master lacks is loaded from PostgreSQL.",
        crowd: .likes, redis: .server, arrange: { setup, _ in setup.keepLikes() }, strike: demoteRedis)

    private static let demoteRedis: Strike = { fault in
        let replica = try await fault.testbed.startRedis(name: "redis-2")
        let (master, standby) = (fault.services.redis.port, replica.port)
        for port in [master, standby] {
            try await fault.redis("CONFIG", "SET", "repl-diskless-sync-delay", "0", port: port)
        }
        try await fault.redis("REPLICAOF", "127.0.0.1", "\(master)", port: standby)
        try await fault.follows(replica)
        fault.tell(.begin, "redis-2 is promoted; redis takes writes for another second")
        try await fault.handOver(to: standby)
        fault.tell(.step, "redis-2 has the name, redis is its replica")
        try await Task.sleep(for: .milliseconds(500))
        fault.note(
            "acknowledged by redis-2", try await fault.acknowledged(100, within: .seconds(10)), promised: 100...Int.max)
        try await fault.follows(replica)
        fault.tell(.step, "redis is promoted again; redis-2 takes writes for another second")
        try await fault.handOver(to: standby)
        fault.tell(.end, "redis has the name, redis-2 is its replica")
    }
}

extension FaultInjector {
    /// Promotes the replica and gives it the port of the master, which gets its own and follows it. What the old master
    /// acknowledges until then is gone with it.
    fileprivate func handOver(to replica: Int) async throws {
        let (name, between) = (services.redis.port, try Ports.one())
        try await redis("REPLICAOF", "NO", "ONE", port: replica)
        note("acknowledged by the old master", try await acknowledged(.max, within: .seconds(1)), needed: 1...Int.max)
        for (from, to) in [(name, between), (replica, name), (between, replica)] {
            try await redis("CONFIG", "SET", "port", "\(to)", port: from)
        }
        try await redis("REPLICAOF", "127.0.0.1", "\(name)", port: replica)
    }
}
