import Audience
import Options
import Placement
import Primitives
import RedisNIO
import Report
import Testbed
import Wire

/// What runs in an experiment, and who watches and writes: everything before anything is broken.
struct ExperimentSetup: Sendable, AudienceSettings {
    var commentAPIs = 0
    /// Whether there is a StatsAPI beside CommentAPIs.
    var hasStatistics = true
    var readers = 0
    var likeAPIs = 0
    var workers = 0
    var usesPostgres = false
    var placement = PlacementStrategy.random
    /// Of the Readers, the LikeAPIs and their workers.
    var environment: [String: String] = [:]
    var redis: @Sendable (Testbed) throws -> RedisOptions = { _ in RedisOptions() }
    var redisTopology = RedisTopology.server
    /// More settings of all services.
    var common: [String: String] = [:]
    /// Starts what stands between the services and their servers; runs when these are ready, before any service.
    var surround: @Sendable (inout Services) async throws -> Void = { _ in }

    var audience = AudienceSpec.reference
    var streams = 100
    var viewers = 0
    var seed: UInt64 = 1
    /// Comments per second, over all streams.
    var rate = 50.0
    /// Generator processes for the viewers.
    var swarms = 1
    /// Connections that a generator has under way at once; `nil` for its own number.
    var connectsInProgress: Int?
    /// More of the generators' options.
    var swarm: [String] = []
    /// The generators write down who joins, leaves and comments when: traces in the folder of the report.
    var recordsTraces = false
    /// What a reader of the report has to know.
    var notes: [String] = []

    /// The generators write for so long by themselves, and ask any Reader first, or go where they are sent.
    mutating func publishes(seconds: Double, warmup: Double) {
        swarm += [
            "--duration", Format.plain(seconds), "--warmup", Format.plain(warmup), "--placement",
            placement == .random ? "random" : "follow",
        ]
    }

    /// How the viewers get their events.
    mutating func watch(by transport: ViewerTransport) {
        if transport != .stream { swarm += ["--transport", transport.rawValue] }
    }

    /// Whatever Redis acknowledges is on disk.
    mutating func syncRedis() {
        redis = { _ in RedisOptions(appendOnly: .always) }
        notes.append("Redis: appendonly yes, appendfsync always, SIGTERM")
    }

    /// What a replica does not have is not acknowledged. Of two replicas one is left when the other is promoted.
    mutating func acknowledgeReplicated() { common["REDIS_REPLICAS_ACK"] = "1" }

    /// Puts what the services are told, and the Redis, before the notes.
    mutating func noteSettings() {
        let settings = environment.merging(common) { $1 }
        notes =
            settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            + [redisTopology.note].compactMap { $0 } + notes
    }

    /// Only this promises that an acknowledged like outlives what Redis forgets.
    mutating func keepLikes() { environment["LIKE_DURABILITY"] = "postgres" }
}

/// The servers and services of an experiment, started and ready.
struct Services: Sendable {
    let testbed: Testbed
    let setup: ExperimentSetup
    /// The one server, or the first master.
    let redis: Node
    /// All that keep data, replicas too.
    let redisNodes: [Node]
    let cluster: RedisCluster?
    let sentinels: SentinelGroup?
    let postgres: Node?
    /// What every service is told.
    var told: ServiceEnvironment
    private(set) var commentAPIs: [Node] = []
    private(set) var readers: [Node] = []
    private(set) var likeAPIs: [Node] = []
    private(set) var workers: [Node] = []

    /// Starts them in the order in which they need each other.
    static func start(_ setup: ExperimentSetup, in testbed: Testbed) async throws -> Services {
        var services = try await Services(setup, in: testbed)
        var all: [Node] = []
        if setup.commentAPIs > 0, setup.hasStatistics {
            let web = Services.webFolder.map { ["WEB_FOLDER": $0] } ?? [:]
            let statistics = try await testbed.addService(.statistics, services.told, web)
            services.told.statistics = statistics.url
            all.append(statistics)
        }
        for number in 0..<setup.commentAPIs {
            services.commentAPIs.append(
                try await testbed.addService(.commentAPI, number: number + 1, services.told))
        }
        for _ in 0..<setup.readers { services.readers.append(try await services.startReader()) }
        for number in 0..<setup.likeAPIs {
            services.likeAPIs.append(
                try await testbed.addService(.likeAPI, number: number + 1, services.told, setup.environment))
        }
        for number in 0..<setup.workers {
            services.workers.append(
                try await testbed.addService(.likeWorker, number: number + 1, services.told, setup.environment))
        }
        all += services.commentAPIs + services.readers + services.likeAPIs + services.workers
        // Each start takes its share of a second of the machine.
        try await Node.waitUntilReady(all, within: .seconds(30 + all.count))
        return services
    }

    private init(_ setup: ExperimentSetup, in testbed: Testbed) async throws {
        (self.testbed, self.setup) = (testbed, setup)
        let url: String
        switch setup.redisTopology {
        case .server:
            redis = try await testbed.startRedis(setup.redis(testbed))
            (redisNodes, cluster, sentinels, url) = ([redis], nil, nil, redis.url)
        case .cluster(let masters, let replicas, let nodeTimeout, let isRelayed):
            let cluster = try await testbed.startRedisCluster(
                masters: masters, replicas: replicas, nodeTimeout: nodeTimeout, options: setup.redis(testbed),
                isRelayed: isRelayed)
            (redis, redisNodes, url) = (cluster.masters[0], cluster.nodes, cluster.url)
            (self.cluster, sentinels) = (cluster, nil)
        case .sentinels(let replicas, let downAfter):
            let group = try await testbed.startSentinels(replicas: replicas, downAfter: downAfter)
            (redis, redisNodes, url) = (group.master, [group.master] + group.replicas, group.url)
            (cluster, sentinels) = (nil, group)
        }
        // A burst of a million likes writes more log than the default keeps between two checkpoints.
        postgres = setup.usesPostgres ? try await testbed.startPostgres(settings: ["max_wal_size": "4GB"]) : nil
        told = ServiceEnvironment(redis: url, database: postgres?.url, common: setup.common)
        try await setup.surround(&self)
    }

    /// Starts one more Reader, of which the viewers hear by redirects only; not waited for.
    func startReader() async throws -> Node {
        try await testbed.addService(
            .reader, number: readers.count + 1, told,
            setup.environment.merging(["PLACEMENT": setup.placement.rawValue]) { $1 })
    }

    /// What all of Redis has done, and the version; a server that is away has no say.
    func redisFigures() async throws(Failure) -> (sum: RedisFigures, version: String?) {
        var (sum, version) = (RedisFigures(), String?.none)
        for node in redisNodes where node.isRunning && !node.isPaused {
            let info = try await RedisProbe(node).info()
            sum.add(RedisFigures(info))
            version = info["redis_version"]
        }
        return (sum, version)
    }

    /// Whom a SimClient talks to.
    func addresses(_ commentAPIs: [Node]) -> [String] {
        [
            "--readers", readers.map(\.url).joined(separator: ","), "--comment-api",
            commentAPIs.map(\.url).joined(separator: ","),
        ] + (told.statistics.map { ["--stats-api", $0] } ?? [])
    }

    /// Statistics as soon as they hold, or the last ones when that takes longer than `limit`: reports come once an interval.
    func statistics(
        atMost limit: Duration = .zero, allChannels: Bool = true, when holds: (Statistics) -> Bool = { _ in true }
    ) async throws -> ServiceClient.Answer {
        let client = ServiceClient(try testbed.node("stats-api"))
        var last = try await client.statistics(allChannels: allChannels)
        try await Polling.until(atMost: limit, every: .milliseconds(100)) {
            last = try await client.statistics(allChannels: allChannels)
            return holds(last.statistics)
        }
        return last
    }
}

extension Statistics {
    /// Whether every Reader has reported since then; what was under way by then does not count.
    func isNewer(than start: ContinuousClock.Instant) -> Bool {
        let age = (ContinuousClock.now - start).seconds - 0.2
        return readerApis.readers.allSatisfy { $0.secondsSinceReport < age }
    }
}

/// Viewers who watch and write: the generator processes of an experiment on comments, from their start to their report.
struct CommentLoad: Sendable {
    let services: Services
    let crowd: LoadGeneratorGroup
    let progress: Progress

    static func start(_ services: Services, progress: Progress) async throws -> CommentLoad {
        let setup = services.setup
        progress.step(
            "connecting \(Format.grouped(setup.viewers)) viewers to \(setup.streams) streams"
                + " (\(setup.swarms) swarm processes)")
        var nodes: [Node] = []
        for shard in 0..<setup.swarms {
            let arguments =
                ["swarm", "--coordinate", "--shard", "\(shard)/\(setup.swarms)"]
                + services.addresses(services.commentAPIs) + [
                    "--streams", "\(setup.streams)", "--viewers", "\(setup.viewers)", "--audience", "\(setup.audience)",
                    "--seed", "\(setup.seed)", "--rate", Format.plain(setup.rate),
                ] + (setup.connectsInProgress.map { ["--connects-in-progress", "\($0)"] } ?? []) + setup.swarm
            // Ports are searched for each pair of addresses: one address for all would make connects slow long before
            // its ports are used up.
            let trace = setup.recordsTraces ? ["--record", services.testbed.trace(shard)] : []
            let source = setup.swarms > 1 ? ["--source-address", "127.0.1.\(shard + 1)"] : []
            nodes.append(
                try await services.testbed.addClient(
                    .swarm, name: "swarm-\(shard + 1)", arguments: arguments + source + trace))
        }
        return CommentLoad(services: services, crowd: LoadGeneratorGroup(nodes), progress: progress)
    }

    /// - Parameter isTold: whether the progress says how many are connected, as the swarms tell it when they are done.
    /// - Throws: ``Failure/unavailable(_:)`` when not one viewer could connect.
    func connect(isTold: Bool = true) async throws -> SwarmReport.Viewers {
        let wanted = services.setup.viewers
        // Thousands connect in a second; a machine that is a hundred times slower has something else to tell.
        try await crowd.reach(.connected, atMost: .seconds(30 + wanted / 50)) {
            let now = $0.connections
            if isTold { progress.update("  \(Format.grouped(now.connected)) connected, \(now.failed) failed") }
        }
        var now = crowd.coordinator.connections
        now.wanted = wanted
        guard now.connected > 0 else { throw Failure.unavailable("not one of \(wanted) viewers could connect") }
        progress.step("  \(Format.grouped(now.connected)) connected in \(Format.decimal(now.connectSeconds, 2)) s")
        return now
    }

    /// Lets them write, and shows how that goes; `watch` is asked again and again meanwhile.
    ///
    /// - Parameters:
    ///   - seconds: how long they write, where they stop by themselves.
    ///   - audience: for the formula of the spread.
    ///   - wanted: comments a second at a time, where that changes.
    ///   - end: ends the writing when it returns; without it they stop by themselves, `atMost` after the start.
    func publish(
        atMost limit: Duration, seconds: Double? = nil, audience: Audience? = nil,
        wanted: (@Sendable (Double) -> Double)? = nil, watch: @escaping @Sendable (SwarmCoordinator) -> Void,
        until end: (@Sendable () async throws -> Void)? = nil
    ) async throws {
        let monitor = LiveMonitor(services)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await monitor.run(audience: audience) }
            defer { group.cancelAll() }
            try await publish(
                atMost: limit,
                watch: { [progress] now in
                    watch(now)
                    progress.show(monitor.view(now, duration: seconds, wanted: wanted))
                }, until: end)
        }
    }

    private func publish(
        atMost limit: Duration, watch: @escaping @Sendable (SwarmCoordinator) -> Void,
        until end: (@Sendable () async throws -> Void)?
    ) async throws {
        try await crowd.say(GeneratorOrder.start.line)
        if let end {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { [crowd] in
                    while !Task.isCancelled {
                        watch(crowd.coordinator)
                        try? await Task.sleep(for: .milliseconds(20))
                    }
                }
                defer { group.cancelAll() }
                try await end()
            }
            try await crowd.say(GeneratorOrder.stop.line)
        }
        try await crowd.reach(.published, atMost: limit, meanwhile: watch)
    }

    /// Begins a stage, and waits until every swarm has ended the one before.
    func order(_ stage: LoadStage) async throws {
        let wanted = crowd.coordinator.wholeStages + 1
        try await crowd.say(GeneratorOrder.stage(stage).line)
        _ = try await crowd.reach("the end of a stage", atMost: .seconds(60)) {
            $0.wholeStages >= wanted ? true : nil
        }
    }

    /// Waits until every viewer has everything.
    func settle(atMost limit: Duration = .seconds(60)) async throws -> SwarmReport {
        progress.step("waiting until every viewer has everything")
        return try await crowd.report(atMost: limit)
    }
}

extension Testbed {
    /// Where a generator writes its part of a trace.
    func trace(_ shard: Int) -> String { "\(folders.report)/trace-\(shard + 1).ndjson" }
}
