/// What all of Chorus's own processes of one run are told.
struct ServiceEnvironment: Sendable {
    var redis: String
    var statistics: String?
    var database: String?
    var reportInterval = Duration.milliseconds(500)

    func environment(port: Int, instance: String) -> [String: String] {
        var values = [
            "HOST": "127.0.0.1", "PORT": "\(port)", "INSTANCE_ID": instance, "REDIS_URL": redis,
            "REPORT_INTERVAL_MS": "\(Int(reportInterval.seconds * 1000))",
        ]
        values["STATISTICS_API_URL"] = statistics
        values["DATABASE_URL"] = database
        return values
    }
}

extension Testbed {
    /// Starts a StatsAPI; not waited for.
    func addStatistics(_ serviceEnvironment: ServiceEnvironment, environment: [String: String] = [:]) async throws
        -> Node
    {
        try await addService(.statistics, name: "stats-api", program: "StatsAPI", serviceEnvironment, environment)
    }

    /// Starts a CommentAPI, `number` from 1; not waited for.
    func addCommentAPI(_ number: Int, _ serviceEnvironment: ServiceEnvironment, environment: [String: String] = [:])
        async throws
        -> Node
    {
        try await addService(
            .commentAPI, name: "comment-api-\(number)", program: "CommentAPI", serviceEnvironment, environment)
    }

    /// Starts a Reader, `number` from 1; not waited for.
    func addReader(
        _ number: Int, placement: String, _ serviceEnvironment: ServiceEnvironment, environment: [String: String] = [:]
    ) async throws -> Node {
        let all = ["PLACEMENT": placement].merging(environment) { $1 }
        return try await addService(.reader, name: "reader-\(number)", program: "ReaderAPI", serviceEnvironment, all)
    }

    /// Starts a SimClient; `converses` for a swarm that is led over its standard input and output.
    func addClient(_ role: Node.Role, name: String, arguments: [String], environment: [String: String] = [:])
        async throws -> Node
    {
        let swarm = role == .swarm
        let specification = ChildSpecification(
            name: name, executable: try binaries.own("SimClient"), arguments: arguments, environment: environment,
            log: folders.log(name), life: swarm ? .ends(codes: [0, 65]) : .untilStopped, converses: swarm)
        return try await add(Node(role: role, specification: specification, port: nil, readiness: .none))
    }

    /// Starts one of our own services; not waited for.
    func addService(
        _ role: Node.Role, name: String, program: String, _ serviceEnvironment: ServiceEnvironment,
        _ more: [String: String],
        descriptorsMax: UInt64? = nil
    ) async throws -> Node {
        let port = try freePort()
        var environment = serviceEnvironment.environment(port: port, instance: name)
        if role == .reader { environment["READER_PUBLIC_URL"] = "http://127.0.0.1:\(port)" }
        environment.merge(more) { $1 }
        var specification = ChildSpecification(
            name: name, executable: try binaries.own(program), environment: environment, log: folders.log(name),
            // A Reader moves its viewers first.
            grace: .seconds(5 + (environment["DRAIN_SECONDS"].flatMap { Int($0) } ?? 0)))
        specification.descriptorsMax = descriptorsMax
        return try await add(Node(role: role, specification: specification, port: port, readiness: .http))
    }

    /// One that no node of this testbed has, not even one that does not run now.
    private func freePort() throws(Failure) -> Int {
        let taken = Set(nodes.compactMap(\.port))
        let candidates = try Ports.free(taken.count + 1)
        return candidates.first { !taken.contains($0) } ?? candidates[0]
    }
}
