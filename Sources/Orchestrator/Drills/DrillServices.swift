import Placement
import Report

/// The servers and services of a drill, or of `likes`, started and ready.
struct DrillServices: Sendable {
    let testbed: Testbed
    let layout: DrillLayout
    let redis: PrivateRedis
    let postgres: PrivatePostgres?
    var serviceEnvironment: ServiceEnvironment
    private(set) var commentAPIs: [Node] = []
    private(set) var readers: [Node] = []
    private(set) var likeAPIs: [Node] = []
    private(set) var workers: [Node] = []

    private init(_ layout: DrillLayout, usesPostgres: Bool, in testbed: Testbed) async throws {
        self.testbed = testbed
        self.layout = layout
        redis = try await layout.redis(testbed)
        // A burst of a million likes writes more log than the default keeps between two checkpoints.
        postgres = usesPostgres ? try await PrivatePostgres.start(in: testbed, settings: ["max_wal_size": "4GB"]) : nil
        serviceEnvironment = ServiceEnvironment(redis: redis.url)
        serviceEnvironment.database = postgres?.url
        try await layout.surround(&self)
    }

    /// StatsAPI, CommentAPIs and Readers.
    static func comments(
        _ layout: DrillLayout, _ settings: DrillSettings, usesPostgres: Bool, in testbed: Testbed
    ) async throws -> DrillServices {
        var services = try await DrillServices(layout, usesPostgres: usesPostgres, in: testbed)
        let statistics = try await testbed.addStatistics(services.serviceEnvironment)
        services.serviceEnvironment.statistics = statistics.url
        for number in 1...layout.commentAPIs {
            services.commentAPIs.append(try await testbed.addCommentAPI(number, services.serviceEnvironment))
        }
        for _ in 1...settings.readers { services.readers.append(try await services.startReader()) }
        try await testbed.waitUntilReady([statistics] + services.commentAPIs + services.readers)
        return services
    }

    /// LikeAPIs, their workers, and Readers for the viewers of the counts.
    static func likes(_ layout: DrillLayout, _ settings: LikesSettings, in testbed: Testbed) async throws
        -> DrillServices
    {
        var services = try await DrillServices(layout, usesPostgres: true, in: testbed)
        func add(_ number: Int, _ role: String) async throws -> Node {
            try await testbed.addLikeAPI(
                number, role: role, services.serviceEnvironment, environment: layout.environment)
        }
        for number in 1...settings.likeAPIs { services.likeAPIs.append(try await add(number, "api")) }
        for number in 1...settings.workers { services.workers.append(try await add(number, "worker")) }
        for number in 1...settings.readers where settings.viewers > 0 {
            services.readers.append(
                try await testbed.addReader(number, placement: "random", services.serviceEnvironment))
        }
        try await testbed.waitUntilReady(services.likeAPIs + services.workers + services.readers)
        return services
    }

    /// Starts one more Reader, of which the swarms hear by redirects only; not waited for.
    func startReader() async throws -> Node {
        try await testbed.addReader(
            readers.count + 1, placement: layout.placement.rawValue, serviceEnvironment, environment: layout.environment
        )
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
                    "--stats-api", serviceEnvironment.statistics ?? "",
                    "--streams", "\(settings.streams)", "--viewers", "\(settings.viewers)", "--seed",
                    "\(settings.seed)",
                    "--rate", Format.plain(settings.rate), "--duration", "600",
                ] + options
            nodes.append(try await testbed.addClient(.swarm, name: "swarm-\(shard + 1)", arguments: arguments))
        }
        return nodes
    }
}

extension Testbed {
    /// Starts a LikeAPI, `number` from 1; not waited for.
    ///
    /// - Parameter role: `api`, `worker` or `all`.
    func addLikeAPI(
        _ number: Int, role: String, _ serviceEnvironment: ServiceEnvironment, environment: [String: String] = [:]
    ) async throws -> Node {
        let isWorker = role == "worker"
        return try await addService(
            isWorker ? .likeWorker : .likeAPI, name: isWorker ? "like-worker-\(number)" : "like-api-\(number)",
            program: "LikeAPI", serviceEnvironment, ["LIKE_ROLE": role].merging(environment) { $1 })
    }
}
