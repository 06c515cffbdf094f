import Foundation
import RedisNIO
import Testbed

/// One Redis that stops, stands still, forgets, or is another one.
extension Drill {
    static let restartRedis = Drill(
        name: "restart-redis",
        story: "Redis, which appends and syncs every write to its file, is stopped and started again.",
        redis: .server,
        arrange: { setup, _ in setup.syncRedis() }, strike: restart)

    static let likesRestartRedis = Drill(
        name: "likes-restart-redis",
        story: "Redis, which syncs every write, is stopped and started again while people like photos.",
        crowd: .likes, redis: .server, arrange: { setup, _ in setup.syncRedis() }, strike: restart)

    private static let restart: Strike = { fault in
        fault.tell(.begin, "SIGTERM to Redis")
        await fault.services.redis.stop()
        fault.tell(.step, "Redis has ended")
        try await fault.services.redis.start()
        fault.tell(.end, "Redis has loaded its file")
    }

    static let loseRedis = Drill(
        name: "lose-redis", story: "Redis dies by SIGKILL and comes back empty: what viewers lack is told by a gap.",
        database: .wanted, redis: .server, mayMiss: true, strike: lose)

    static let likesLoseRedis = Drill(
        name: "likes-lose-redis",
        story: "Redis dies and comes back empty; acknowledged likes are loaded from PostgreSQL.",
        crowd: .likes, redis: .server, arrange: { setup, _ in setup.keepLikes() }, strike: lose)

    private static let lose: Strike = { fault in
        fault.tell(.begin, "SIGKILL to Redis")
        await fault.services.redis.kill()
        fault.services.redis.forget()
        try await Task.sleep(for: .seconds(1))
        try await fault.services.redis.start()
        fault.tell(.end, "Redis is back, empty")
    }

    static let freezeRedis = Drill(
        name: "freeze-redis", story: "Redis is stopped (SIGSTOP) for 5 s and goes on.", redis: .server
    ) { fault in
        fault.tell(.begin, "SIGSTOP to Redis")
        fault.services.redis.pause()
        try await Task.sleep(for: .seconds(5))
        fault.services.redis.resume()
        fault.tell(.end, "SIGCONT to Redis")
    }

    // MARK: An older state of itself, as after a power loss or from a backup

    static let restoreOlderRedis = Drill(
        name: "restore-older-redis",
        story:
            "Redis dies by SIGKILL and comes back with a copy (SAVE) that is 3 s older: viewers are told of a new epoch.",
        database: .wanted, redis: .server, mayMiss: true, strike: restoreOlder)

    static let likesRestoreOlderRedis = Drill(
        name: "likes-restore-older-redis",
        story: "Redis dies and comes back with a copy that is 3 s older; what it lacks is loaded from PostgreSQL.",
        crowd: .likes, redis: .server, arrange: { setup, _ in setup.keepLikes() }, strike: restoreOlder)

    private static let restoreOlder: Strike = { fault in
        let redis = fault.services.redis
        try await fault.redis("SAVE")
        fault.tell(.step, "SAVE")
        let before = fault.crowd().acknowledged
        try await Task.sleep(for: .seconds(3))
        fault.note("acknowledged after the copy", fault.crowd().acknowledged - before, needed: 1...Int.max)
        fault.tell(.begin, "SIGKILL to Redis")
        await redis.kill()
        try await redis.start()
        let keys = Int(try await fault.redis("DBSIZE").integer ?? 0)
        fault.note("keys of the copy", keys, needed: 1...Int.max)
        fault.tell(.end, "Redis is back with its copy")
    }

    // MARK: Another master

    // Its name goes to the replica and back, and the connections to the demoted one stay open: what DNS, a virtual address
    // or a service of Kubernetes do. Here the name is a port.

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

    // MARK: Another time

    // Redis's clock is set right, a minute back. The machine's own stays as it is: Redis is started with a library that
    // stands before the C library's clock and reads its error from a file.

    static let redisClockBack = Drill(
        name: "redis-clock-back",
        story: "Redis's clock steps back by a minute while people like photos: counts go on at once.", crowd: .likes,
        redis: .server,
        arrange: { setup, _ in
            setup.redis = { testbed in
                let file = clockFile(testbed)
                try setClock(file, 0)
                let library = try testbed.binaries.own("libClockStep.so", product: "ClockStep")
                return RedisOptions(environment: ["LD_PRELOAD": library, "CLOCK_STEP_FILE": file])
            }
        }
    ) { fault in
        let before = try await seconds(fault)
        fault.tell(.begin, "Redis's clock goes back by 60 s")
        try setClock(clockFile(fault.testbed), -60)
        fault.note("seconds that Redis's clock went back", before - (try await seconds(fault)), needed: 50...60)
        fault.tell(.end, "it is a minute late from now on")
    }

    private static func clockFile(_ testbed: Testbed) -> String { "\(testbed.folders.data)/clock" }

    /// The file is mapped: it is written in its place, and never shorter, not even for a moment.
    private static func setClock(_ file: String, _ seconds: Int64) throws {
        let data = withUnsafeBytes(of: seconds) { Data($0) }
        guard FileManager.default.fileExists(atPath: file) else {
            return try data.write(to: URL(fileURLWithPath: file))
        }
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file))
        try handle.write(contentsOf: data)
        try handle.close()
    }

    private static func seconds(_ fault: FaultInjector) async throws -> Int {
        try await fault.redis("TIME").array?.first?.text.flatMap { Int($0) } ?? 0
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
