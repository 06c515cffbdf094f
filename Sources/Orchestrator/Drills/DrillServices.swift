import Placement
import Report

/// The services of a drill, started and ready.
struct DrillServices: Sendable {
    let plant: Plant
    let redis: PrivateRedis
    let postgres: PrivatePostgres?
    let statistics: Node
    let commentAPIs: [Node]
    let readers: [Node]
    let layout: DrillLayout
    let surroundings: Surroundings

    static func start(
        _ layout: DrillLayout, _ settings: DrillSettings, postgres usesPostgres: Bool, in plant: Plant
    ) async throws -> DrillServices {
        let redis = try await PrivateRedis.start(
            in: plant, appendOnly: layout.appendOnly,
            arguments: layout.appendOnly ? ["--appendfsync", "always"] : [])
        let postgres = usesPostgres ? try await PrivatePostgres.start(in: plant) : nil
        var surroundings = Surroundings(redis: redis.url)
        surroundings.database = postgres?.url
        let statistics = try await plant.addStatistics(surroundings)
        surroundings.statistics = statistics.url
        var commentAPIs: [Node] = []
        for number in 1...layout.commentAPIs { commentAPIs.append(try await plant.addCommentAPI(number, surroundings)) }
        var readers: [Node] = []
        for number in 1...settings.readers {
            readers.append(try await start(number, layout, surroundings, in: plant))
        }
        try await plant.waitUntilReady([statistics] + commentAPIs + readers)
        return DrillServices(
            plant: plant, redis: redis, postgres: postgres, statistics: statistics, commentAPIs: commentAPIs,
            readers: readers, layout: layout, surroundings: surroundings)
    }

    private static func start(_ number: Int, _ layout: DrillLayout, _ surroundings: Surroundings, in plant: Plant)
        async throws -> Node
    {
        try await plant.addReader(
            number, placement: layout.placement.rawValue, surroundings, environment: layout.readerEnvironment)
    }

    /// Starts one more Reader, of which the swarms hear by redirects only; not waited for.
    func startReader() async throws -> Node {
        try await DrillServices.start(readers.count + 1, layout, surroundings, in: plant)
    }

    /// Starts the swarms that watch and write.
    func startSwarms(_ count: Int, _ settings: DrillSettings, options: [String]) async throws -> [Node] {
        var nodes: [Node] = []
        for shard in 0..<count {
            let arguments =
                [
                    "swarm", "--coordinate", "--drill", "--shard", "\(shard)/\(count)",
                    "--readers", readers.map(\.url).joined(separator: ","),
                    "--comment-api", commentAPIs.map(\.url).joined(separator: ","), "--stats-api", statistics.url,
                    "--streams", "\(settings.streams)", "--viewers", "\(settings.viewers)", "--seed",
                    "\(settings.seed)",
                    "--rate", Format.plain(settings.rate), "--duration", "600",
                ] + options
            nodes.append(try await plant.addClient(.swarm, name: "swarm-\(shard + 1)", arguments: arguments))
        }
        return nodes
    }
}
