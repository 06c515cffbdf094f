import Placement
import Report

/// The servers and services of a drill, or of `likes`, started and ready.
struct DrillServices: Sendable {
    let plant: Plant
    let layout: DrillLayout
    let redis: PrivateRedis
    let postgres: PrivatePostgres?
    var surroundings: Surroundings
    private(set) var commentAPIs: [Node] = []
    private(set) var readers: [Node] = []
    private(set) var likeAPIs: [Node] = []
    private(set) var workers: [Node] = []

    private init(_ layout: DrillLayout, usesPostgres: Bool, in plant: Plant) async throws {
        self.plant = plant
        self.layout = layout
        redis = try await layout.redis(plant)
        // A burst of a million likes writes more log than the default keeps between two checkpoints.
        postgres = usesPostgres ? try await PrivatePostgres.start(in: plant, settings: ["max_wal_size": "4GB"]) : nil
        surroundings = Surroundings(redis: redis.url)
        surroundings.database = postgres?.url
        try await layout.surround(&self)
    }

    /// StatsAPI, CommentAPIs and Readers.
    static func comments(
        _ layout: DrillLayout, _ settings: DrillSettings, usesPostgres: Bool, in plant: Plant
    ) async throws -> DrillServices {
        var services = try await DrillServices(layout, usesPostgres: usesPostgres, in: plant)
        let statistics = try await plant.addStatistics(services.surroundings)
        services.surroundings.statistics = statistics.url
        for number in 1...layout.commentAPIs {
            services.commentAPIs.append(try await plant.addCommentAPI(number, services.surroundings))
        }
        for _ in 1...settings.readers { services.readers.append(try await services.startReader()) }
        try await plant.waitUntilReady([statistics] + services.commentAPIs + services.readers)
        return services
    }

    /// LikeAPIs, their workers, and Readers for the viewers of the counts.
    static func likes(_ layout: DrillLayout, _ settings: LikesSettings, in plant: Plant) async throws -> DrillServices {
        var services = try await DrillServices(layout, usesPostgres: true, in: plant)
        func add(_ number: Int, _ role: String) async throws -> Node {
            try await plant.addLikeAPI(number, role: role, services.surroundings, environment: layout.environment)
        }
        for number in 1...settings.likeAPIs { services.likeAPIs.append(try await add(number, "api")) }
        for number in 1...settings.workers { services.workers.append(try await add(number, "worker")) }
        for number in 1...settings.readers where settings.viewers > 0 {
            services.readers.append(try await plant.addReader(number, placement: "random", services.surroundings))
        }
        try await plant.waitUntilReady(services.likeAPIs + services.workers + services.readers)
        return services
    }

    /// Starts one more Reader, of which the swarms hear by redirects only; not waited for.
    func startReader() async throws -> Node {
        try await plant.addReader(
            readers.count + 1, placement: layout.placement.rawValue, surroundings, environment: layout.environment)
    }

    /// Starts the swarms that watch and write.
    func startSwarms(_ count: Int, _ settings: DrillSettings, options: [String]) async throws -> [Node] {
        var nodes: [Node] = []
        for shard in 0..<count {
            let arguments =
                [
                    "swarm", "--coordinate", "--drill", "--shard", "\(shard)/\(count)",
                    "--readers", readers.map(\.url).joined(separator: ","),
                    "--comment-api", commentAPIs.map(\.url).joined(separator: ","),
                    "--stats-api", surroundings.statistics ?? "",
                    "--streams", "\(settings.streams)", "--viewers", "\(settings.viewers)", "--seed",
                    "\(settings.seed)",
                    "--rate", Format.plain(settings.rate), "--duration", "600",
                ] + options
            nodes.append(try await plant.addClient(.swarm, name: "swarm-\(shard + 1)", arguments: arguments))
        }
        return nodes
    }
}

extension Plant {
    /// Starts a LikeAPI, `number` from 1; not waited for.
    ///
    /// - Parameter role: `api`, `worker` or `all`.
    func addLikeAPI(
        _ number: Int, role: String, _ surroundings: Surroundings, environment: [String: String] = [:]
    ) async throws -> Node {
        let isWorker = role == "worker"
        return try await addService(
            isWorker ? .likeWorker : .likeAPI, name: isWorker ? "like-worker-\(number)" : "like-api-\(number)",
            program: "LikeAPI", surroundings, ["LIKE_ROLE": role].merging(environment) { $1 })
    }
}
