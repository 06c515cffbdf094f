import ArgumentParser
import Audience
import Options
import Report
import Testbed

/// Every parameter of a drill, as `drill` reads it.
struct DrillSettings: ParsableArguments {
    /// Whether comments are kept in PostgreSQL.
    enum Postgres: String, CaseIterable, Sendable {
        /// In the drills that are about it.
        case auto
        case always
        case never
    }

    @Option("Viewers, 1 to 100,000 (join-leave: 10,000).", within(1...100_000)) @Checked var viewers = 2_000
    @Option("Videos, 1 to 1,000,000 (join-leave: 1,000).", within(1...Audience.channelsMax)) @Checked var streams = 100
    @Option("Comments per second, 1 to 10,000 (join-leave: 50).", within(1...10_000.0)) @Checked var rate = 200.0
    @Option("Reader processes, 1 to 20 (join-leave: 6).", within(1...20)) @Checked var readers = 3
    @Option("The same seed makes the same audience, 0 to 2^64-1.", anySeed) @Checked var seed: UInt64 = 1
    @Option("Part of the viewers that never read, in slow-viewers.", within(0.0001...1)) @Checked var slowShare = 0.01
    @Option(.init(ViewerTransport.described), oneOf(ViewerTransport.stream))
    @Checked var transport = ViewerTransport.stream
    @Option(
        "Masters of a Redis Cluster, 2 to 30; by itself 3 in the drills of clusters, and one Redis in the others.",
        optional(within(2...30)))
    @Checked var redisNodes: Int? = nil
    @Option("Replicas of each of them, 0 to 3; by itself as the drill needs.", optional(within(0...3)))
    @Checked var redisReplicas: Int? = nil
    @Option(help: "auto: in the drills that are about it; always; never.", transform: oneOf(Postgres.auto))
    @Checked var postgres = Postgres.auto

    /// Of publishing before the fault, and after its end at least.
    static let calm = Duration.seconds(4)
    static let after = Duration.seconds(6)
    /// A crowd that has not recovered after so long is not waited for.
    static let recoveryWaited = Duration.seconds(20)
    /// The promise.
    static let recoverySecondsMax = 5.0

    func usesPostgres(_ drill: Drill) -> Bool {
        switch postgres {
        case .auto: drill.database != .unneeded
        case .always: true
        case .never: false
        }
    }

    /// The drills of this name, or all, and the size: the drill's own where nothing was typed.
    ///
    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func checked(_ name: String, _ capacity: Capacity) throws(Failure) -> (drills: [Drill], settings: DrillSettings) {
        let drills = name == "all" ? Drill.all : [Drill.named(name)].compactMap { $0 }
        var problems =
            drills.isEmpty ? ["\(name): must be all or one of " + Drill.all.map(\.name).joined(separator: ", ")] : []
        problems += self.problems
        var own = DrillSettings.standard
        if drills.count == 1 { drills[0].size(&own) }
        let settings = over(own)
        if drills.count == 1, drills[0].crowd == .likes {
            let others = Set(typed).subtracting(["--seed", "--redis-nodes", "--redis-replicas"])
            problems += refused(others, "\(name) has a crowd of its own")
        }
        let isClustered = settings.redisNodes != nil
        let fitting = drills.filter { !isClustered || $0.redis != .server }
        if fitting.isEmpty, let drill = drills.first {
            problems.append("--redis-nodes: \(drill.name) is about one Redis")
        }
        let possible = fitting.filter { settings.postgres != .never || !$0.needsPostgres }
        if possible.isEmpty, let drill = fitting.first {
            problems.append("--postgres never: \(drill.name) is about PostgreSQL")
        }
        problems += refused(
            ["--redis-replicas"], if: !isClustered && !possible.contains { $0.redis == .several },
            "means nothing without --redis-nodes")
        let moving = possible.filter(\.movesViewers).map(\.name)
        if settings.readers < 2, !moving.isEmpty {
            problems.append(
                "--readers \(settings.readers): \(moving.joined(separator: ", ")) "
                    + (moving.count == 1 ? "needs" : "need") + " another Reader to go to; take at least 2")
        }
        // Of all Readers but one.
        if settings.viewers / max(1, settings.readers - 1) > capacity.viewersPerProcess {
            problems.append(
                "--readers \(settings.readers): \(settings.viewers) viewers do not fit on one Reader less, a Reader holds"
                    + " \(capacity.viewersPerProcess)")
        }
        guard problems.isEmpty else { throw .arguments(problems) }
        return (possible, settings)
    }

    /// What runs in a drill of comments, and who watches.
    func setup(_ drill: Drill, _ pass: DrillPass, swarms: Int) -> ExperimentSetup {
        var setup = ExperimentSetup()
        (setup.commentAPIs, setup.readers, setup.swarms) = (1, readers, swarms)
        (setup.streams, setup.viewers, setup.rate, setup.seed) = (streams, viewers, rate, seed)
        setup.usesPostgres = usesPostgres(drill)
        setup.swarm = [
            "--drill", "--duration", "600",
            // Longer than the longest fault, so that comments that wait for an answer do not keep others from starting.
            "--publish-connections", "512", "--settle-timeout", "15",
        ]
        // A storm comes all at once.
        setup.connectsInProgress = 20_000
        setup.redisTopology = RedisTopology(nodes: redisNodes, replicas: redisReplicas ?? 1)
        drill.arrange(&setup, self)
        setup.swarm += pass.swarm
        setup.watch(by: transport)
        setup.noteSettings()
        return setup
    }
}
