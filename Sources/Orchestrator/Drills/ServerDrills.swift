import Testbed

/// Redis and PostgreSQL that stop, and come back by themselves.
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

    static let postgresDown = Drill(
        name: "postgres-down", story: "PostgreSQL is stopped for 10 s.", database: .needed, strike: stopPostgres)

    static let likesPostgresDown = Drill(
        name: "likes-postgres-down", story: "PostgreSQL is stopped for 10 s; likes go on and reach it later.",
        crowd: .likes, mustGoUnnoticed: true, strike: stopPostgres)

    private static let stopPostgres: Strike = { fault in
        let postgres = try fault.database()
        fault.tell(.begin, "SIGINT to PostgreSQL")
        await postgres.stop()
        try await Task.sleep(for: .seconds(10))
        try await postgres.start()
        fault.tell(.end, "PostgreSQL takes connections again")
    }
}
