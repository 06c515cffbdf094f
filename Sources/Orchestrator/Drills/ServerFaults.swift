/// What can be done to a process of the plant, told as it happens. Drills of comments and of likes do the same damage.
struct ServerFaults: Sendable {
    let plant: Plant
    let tell: @Sendable (FaultMark.Kind, String) -> Void

    /// Redis ends in order and comes back with its file.
    func restart(_ redis: PrivateRedis) async throws {
        tell(.begin, "SIGTERM to Redis")
        await plant.stop(redis.node)
        tell(.step, "Redis has ended")
        try await startAgain(redis.node)
        tell(.end, "Redis has loaded its file")
    }

    /// Redis dies and comes back empty.
    func lose(_ redis: PrivateRedis) async throws {
        tell(.begin, "SIGKILL to Redis")
        await plant.kill(redis.node)
        redis.forget()
        try await Task.sleep(for: .seconds(1))
        try await startAgain(redis.node)
        tell(.end, "Redis is back, empty")
    }

    func stop(_ postgres: PrivatePostgres?, for pause: Duration) async throws {
        guard let postgres else { throw Failure.unavailable("there is no PostgreSQL to stop") }
        tell(.begin, "SIGINT to PostgreSQL")
        await plant.stop(postgres.node)
        try await Task.sleep(for: pause)
        try await startAgain(postgres.node)
        tell(.end, "PostgreSQL takes connections again")
    }

    /// A service dies, and is started again after `pause`; `times` over.
    func kill(_ victim: Node, for pause: Duration, times: Int = 1) async throws {
        tell(.begin, "SIGKILL to \(victim.name)")
        for time in 1...times {
            if time > 1 {
                // It has begun to work on what it found when it dies again.
                try await Task.sleep(for: .seconds(1))
                tell(.step, "SIGKILL to \(victim.name) again")
            }
            await plant.kill(victim)
            try await Task.sleep(for: pause)
            try await startAgain(victim)
        }
        tell(.end, "\(victim.name) is ready again")
    }

    private func startAgain(_ node: Node) async throws {
        try await plant.start(node)
        try await plant.waitUntilReady([node])
    }
}
