/// Does the damage, and tells when it began and when it was over.
struct LikeDisturbance: Sendable {
    let drill: LikeDrill
    let services: LikeServices
    let tell: @Sendable (DrillReport.Mark.Kind, String) -> Void

    private var plant: Plant { services.plant }

    /// From the first blow to the time at which everything works again as far as processes go.
    func strike() async throws {
        switch drill {
        case .restartRedis: try await restartRedis()
        case .loseRedis: try await loseRedis()
        case .postgresDown: try await stopPostgres()
        case .killLikeAPI: try await killLikeAPI()
        case .killWorker: try await killWorker()
        }
    }

    private func restartRedis() async throws {
        tell(.begin, "SIGTERM to Redis")
        await plant.stop(services.redis.node)
        tell(.step, "Redis has ended")
        try await plant.start(services.redis.node)
        try await plant.waitUntilReady([services.redis.node])
        tell(.end, "Redis has loaded its file")
    }

    private func loseRedis() async throws {
        tell(.begin, "SIGKILL to Redis")
        await plant.kill(services.redis.node)
        services.redis.forget()
        try await Task.sleep(for: .seconds(1))
        try await plant.start(services.redis.node)
        try await plant.waitUntilReady([services.redis.node])
        tell(.end, "Redis is back, empty")
    }

    private func stopPostgres() async throws {
        guard let postgres = services.postgres else { throw Failure.unavailable("there is no PostgreSQL to stop") }
        tell(.begin, "SIGINT to PostgreSQL")
        await plant.stop(postgres.node)
        try await Task.sleep(for: .seconds(10))
        try await plant.start(postgres.node)
        try await plant.waitUntilReady([postgres.node])
        tell(.end, "PostgreSQL takes connections again")
    }

    private func killLikeAPI() async throws {
        let victim = services.likeAPIs[0]
        tell(.begin, "SIGKILL to \(victim.name)")
        await plant.kill(victim)
        try await Task.sleep(for: .seconds(2))
        try await plant.start(victim)
        try await plant.waitUntilReady([victim])
        tell(.end, "\(victim.name) is ready again")
    }

    private func killWorker() async throws {
        let victim = services.workers[0]
        tell(.begin, "SIGKILL to \(victim.name)")
        await plant.kill(victim)
        try await Task.sleep(for: .seconds(3))
        try await plant.start(victim)
        try await plant.waitUntilReady([victim])
        try await Task.sleep(for: .seconds(1))
        tell(.step, "SIGKILL to \(victim.name) again")
        await plant.kill(victim)
        try await Task.sleep(for: .seconds(3))
        try await plant.start(victim)
        try await plant.waitUntilReady([victim])
        tell(.end, "\(victim.name) is ready again")
    }
}
