/// The services of likes, started and ready.
struct LikeServices: Sendable {
    let plant: Plant
    let redis: PrivateRedis
    /// `nil`: Redis alone keeps the likes.
    let postgres: PrivatePostgres?
    let likeAPIs: [Node]
    let workers: [Node]
    let readers: [Node]

    static func start(
        _ settings: LikesSettings, drill: LikeDrill?, in plant: Plant
    ) async throws -> LikeServices {
        let appendOnly = drill?.appendOnly ?? false
        let redis = try await PrivateRedis.start(
            in: plant, appendOnly: appendOnly, arguments: appendOnly ? ["--appendfsync", "always"] : [])
        // A burst of a million likes writes more log than the default keeps between two checkpoints.
        let postgres = try await PrivatePostgres.start(in: plant, settings: ["max_wal_size": "4GB"])
        var surroundings = Surroundings(redis: redis.url)
        surroundings.database = postgres.url
        let environment = drill?.environment ?? [:]
        var (likeAPIs, workers, readers) = ([Node](), [Node](), [Node]())
        for number in 1...settings.likeAPIs {
            likeAPIs.append(try await plant.addLikeAPI(number, role: "api", surroundings, environment: environment))
        }
        for number in 1...settings.workers {
            workers.append(try await plant.addLikeAPI(number, role: "worker", surroundings, environment: environment))
        }
        for number in 1...settings.readers where settings.viewers > 0 {
            readers.append(try await plant.addReader(number, placement: "random", surroundings))
        }
        try await plant.waitUntilReady(likeAPIs + workers + readers)
        return LikeServices(
            plant: plant, redis: redis, postgres: postgres, likeAPIs: likeAPIs, workers: workers, readers: readers)
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
