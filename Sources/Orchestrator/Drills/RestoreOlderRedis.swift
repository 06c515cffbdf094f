import RedisNIO
import Testbed

/// Redis comes back with an older state of itself, as after a power loss or from a backup.
extension Drill {
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
}
