/// What can go wrong on purpose while people like photos.
enum LikeDrill: String, Codable, CaseIterable, Sendable {
    case restartRedis = "likes-restart-redis"
    case loseRedis = "likes-lose-redis"
    case postgresDown = "likes-postgres-down"
    case killLikeAPI = "kill-like-api"
    case killWorker = "kill-worker"

    /// What happens, and what has to come of it.
    var story: String {
        switch self {
        case .restartRedis: "Redis, which syncs every write, is stopped and started again while people like photos."
        case .loseRedis: "Redis dies and comes back empty; acknowledged likes are loaded from PostgreSQL."
        case .postgresDown: "PostgreSQL is stopped for 10 s; likes go on and reach it later."
        case .killLikeAPI: "One of two LikeAPIs dies by SIGKILL and comes back after 2 s."
        case .killWorker: "A worker dies by SIGKILL in the middle of its work, twice; the other takes over what it had."
        }
    }

    /// What the services are told beyond what every run has.
    var environment: [String: String] {
        switch self {
        // Only this promises that what is acknowledged outlives Redis.
        case .loseRedis: ["LIKE_DURABILITY": "postgres"]
        case .killWorker: ["LIKE_CLAIM_MS": "1000"]
        case .restartRedis, .postgresDown, .killLikeAPI: [:]
        }
    }

    /// Redis appends every write to a file, and syncs it before it answers.
    var appendOnly: Bool { self == .restartRedis }

    /// Nobody who likes may notice.
    var mustGoUnnoticed: Bool { self == .postgresDown || self == .killWorker }

    var notes: [String] {
        var notes = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        if appendOnly { notes.append("Redis: appendonly yes, appendfsync always, SIGTERM") }
        return notes
    }

    /// Does the damage: from the first blow to the time at which everything works again as far as processes go.
    func strike(_ services: LikeServices, tell: @escaping @Sendable (FaultMark.Kind, String) -> Void) async throws {
        let faults = ServerFaults(plant: services.plant, tell: tell)
        switch self {
        case .restartRedis: try await faults.restart(services.redis)
        case .loseRedis: try await faults.lose(services.redis)
        case .postgresDown: try await faults.stop(services.postgres, for: .seconds(10))
        case .killLikeAPI: try await faults.kill(services.likeAPIs[0], for: .seconds(2))
        case .killWorker: try await faults.kill(services.workers[0], for: .seconds(3), times: 2)
        }
    }
}
