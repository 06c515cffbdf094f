/// Does the damage, and tells when it began and when it was over.
struct LikeDisturbance: Sendable {
    let drill: LikeDrill
    let services: LikeServices
    let tell: @Sendable (FaultMark.Kind, String) -> Void

    /// From the first blow to the time at which everything works again as far as processes go.
    func strike() async throws {
        let faults = ServerFaults(plant: services.plant, tell: tell)
        switch drill {
        case .restartRedis: try await faults.restart(services.redis)
        case .loseRedis: try await faults.lose(services.redis)
        case .postgresDown: try await faults.stop(services.postgres, for: .seconds(10))
        case .killLikeAPI: try await faults.kill(services.likeAPIs[0], for: .seconds(2))
        case .killWorker: try await faults.kill(services.workers[0], for: .seconds(3), times: 2)
        }
    }
}
