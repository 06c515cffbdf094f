import Placement
import Report
import Testbed

/// The servers and services of a drill, or of `likes`, started and ready.
struct DrillServices: Sendable {
    let testbed: Testbed
    let layout: DrillLayout
    let redis: Node
    let postgres: Node?
    var serviceEnvironment: ServiceEnvironment
    private(set) var commentAPIs: [Node] = []
    private(set) var readers: [Node] = []
    private(set) var likeAPIs: [Node] = []
    private(set) var workers: [Node] = []

    private init(_ layout: DrillLayout, usesPostgres: Bool, in testbed: Testbed) async throws {
        self.testbed = testbed
        self.layout = layout
        redis = try await testbed.startRedis(layout.redis(testbed))
        // A burst of a million likes writes more log than the default keeps between two checkpoints.
        postgres = usesPostgres ? try await testbed.startPostgres(settings: ["max_wal_size": "4GB"]) : nil
        serviceEnvironment = ServiceEnvironment(redis: redis.url)
        serviceEnvironment.database = postgres?.url
        try await layout.surround(&self)
    }

    /// StatsAPI, CommentAPIs and Readers.
    static func comments(
        _ layout: DrillLayout, _ settings: DrillSettings, usesPostgres: Bool, in testbed: Testbed
    ) async throws -> DrillServices {
        var services = try await DrillServices(layout, usesPostgres: usesPostgres, in: testbed)
        let statistics = try await testbed.addService(.statistics, services.serviceEnvironment)
        services.serviceEnvironment.statistics = statistics.url
        for number in 1...layout.commentAPIs {
            services.commentAPIs.append(
                try await testbed.addService(.commentAPI, number: number, services.serviceEnvironment))
        }
        for _ in 1...settings.readers { services.readers.append(try await services.startReader()) }
        try await Node.waitUntilReady([statistics] + services.commentAPIs + services.readers)
        return services
    }

    /// LikeAPIs, their workers, and Readers for the viewers of the counts.
    static func likes(_ layout: DrillLayout, _ settings: LikesSettings, in testbed: Testbed) async throws
        -> DrillServices
    {
        var services = try await DrillServices(layout, usesPostgres: true, in: testbed)
        func add(_ number: Int, _ role: Node.Role) async throws -> Node {
            try await testbed.addService(role, number: number, services.serviceEnvironment, layout.environment)
        }
        for number in 1...settings.likeAPIs { services.likeAPIs.append(try await add(number, .likeAPI)) }
        for number in 1...settings.workers { services.workers.append(try await add(number, .likeWorker)) }
        for number in 1...settings.readers where settings.viewers > 0 {
            services.readers.append(
                try await testbed.addService(
                    .reader, number: number, services.serviceEnvironment, ["PLACEMENT": "random"]))
        }
        try await Node.waitUntilReady(services.likeAPIs + services.workers + services.readers)
        return services
    }

    /// Starts one more Reader, of which the swarms hear by redirects only; not waited for.
    func startReader() async throws -> Node {
        try await testbed.addService(
            .reader, number: readers.count + 1, serviceEnvironment,
            layout.environment.merging(["PLACEMENT": layout.placement.rawValue]) { $1 })
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
