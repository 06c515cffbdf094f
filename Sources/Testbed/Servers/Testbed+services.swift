/// What all of Chorus's own processes of one run are told.
public struct ServiceEnvironment: Sendable {
    /// Connection string of Redis.
    public var redis: String
    /// URL of the StatsAPI, once there is one.
    public var statistics: String?
    /// Connection string of PostgreSQL, if there is one.
    public var database: String?
    /// More settings of all of them.
    public var common: [String: String]

    public init(
        redis: String, statistics: String? = nil, database: String? = nil, common: [String: String] = [:]
    ) {
        self.redis = redis
        self.statistics = statistics
        self.database = database
        self.common = common
    }

    func variables(port: Int, instance: String) -> [String: String] {
        var values = [
            "HOST": "127.0.0.1", "PORT": "\(port)", "INSTANCE_ID": instance, "REDIS_URL": redis,
            "REPORT_INTERVAL_MS": "500",
        ]
        values["STATISTICS_API_URL"] = statistics
        values["DATABASE_URL"] = database
        return values.merging(common) { $1 }
    }
}

extension Node.Role {
    /// The program of a service, and the beginning of its processes' names.
    fileprivate var service: (program: String, name: String) {
        switch self {
        case .commentAPI: ("CommentAPI", "comment-api")
        case .likeAPI: ("LikeAPI", "like-api")
        case .likeWorker: ("LikeAPI", "like-worker")
        case .socialAPI: ("SocialAPI", "social-api")
        case .reader: ("ReaderAPI", "reader")
        default: ("StatsAPI", "stats-api")
        }
    }
}

extension Testbed {
    /// Starts one of our own services, of role `.statistics`, `.commentAPI`, `.likeAPI`, `.likeWorker`, `.socialAPI` or
    /// `.reader`; not waited for.
    ///
    /// - Parameters:
    ///   - number: from 1, part of its name; a StatsAPI has none.
    ///   - environment: more of its settings.
    public func addService(
        _ role: Node.Role, number: Int = 1, name: String? = nil, _ serviceEnvironment: ServiceEnvironment,
        _ environment: [String: String] = [:], descriptorsMax: Int? = nil
    ) async throws -> Node {
        let (program, base) = role.service
        let name = name ?? (role == .statistics ? base : "\(base)-\(number)")
        let port = try Ports.one()
        var values = serviceEnvironment.variables(port: port, instance: name)
        switch role {
        case .reader: values["READER_PUBLIC_URL"] = "http://127.0.0.1:\(port)"
        case .likeAPI: values["LIKE_ROLE"] = "api"
        case .likeWorker: values["LIKE_ROLE"] = "worker"
        default: break
        }
        values.merge(environment) { $1 }
        var specification = ChildSpecification(
            name: name, executable: try binaries.own(program), environment: values, log: folders.log(name),
            phase: role == .statistics ? .statistics : .services)
        // A Reader moves its viewers first.
        specification.grace = .seconds(5 + (values["DRAIN_SECONDS"].flatMap { Int($0) } ?? 0))
        specification.descriptorsMax = descriptorsMax
        return try await add(role, specification, port: port, readiness: .service)
    }

    /// Starts a SimClient: a `.swarm`, which is led over its standard input and output and ends by itself, or a `.client`.
    public func addClient(
        _ role: Node.Role, name: String, arguments: [String], environment: [String: String] = [:]
    ) async throws -> Node {
        let swarm = role == .swarm
        let specification = ChildSpecification(
            name: name, executable: try binaries.own("SimClient"), arguments: arguments, environment: environment,
            log: folders.log(name), life: swarm ? .ends(codes: [0, 65]) : .untilStopped, phase: .clients,
            converses: swarm)
        return try await add(role, specification)
    }
}
