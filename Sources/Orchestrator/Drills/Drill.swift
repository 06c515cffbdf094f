import Testbed

/// What can go wrong on purpose: one value, with everything that is particular to it.
struct Drill: Sendable {
    /// Who is at work meanwhile.
    enum Crowd: Sendable {
        /// Viewers who write comments; see ``DrillRun``.
        case comments
        /// Users who like photos, and viewers of the counts; see ``LikesLoad``.
        case likes
    }

    /// Whether comments are kept in PostgreSQL; likes always are.
    enum Database: Sendable {
        case unneeded
        /// More to the point with it.
        case wanted
        /// Does nothing without it.
        case needed
    }

    /// Which Redis it is about.
    enum Redis: Sendable {
        /// The services have any.
        case any
        case server
        /// A cluster, or Sentinels, as its arrangement says.
        case several
    }

    typealias Strike = @Sendable (FaultInjector) async throws -> Void
    typealias Arrangement = @Sendable (inout ExperimentSetup, DrillSettings) -> Void

    let name: String
    /// What happens, and what has to come of it.
    let story: String
    var crowd = Crowd.comments
    var database = Database.unneeded
    var redis = Redis.any
    /// A gap is an answer, not a failure.
    var mayMiss = false
    /// The fault is an orderly move that takes its time.
    var isDrain = false
    /// Nobody who likes may notice.
    var mustGoUnnoticed = false
    /// The longest that the last viewer may lack something that is acknowledged, on top of what it is before the fault.
    var lateSecondsMax: Double?
    /// Viewers of one Reader go to another.
    var movesViewers = false
    /// The runs that it takes: mostly one.
    var passes = [DrillPass(name: "")]
    /// The size by itself.
    var size: @Sendable (inout DrillSettings) -> Void = { _ in }
    /// How the services are set up.
    var arrange: Arrangement = { _, _ in }
    /// Does the damage: from the first blow to the time at which everything works again as far as processes go.
    var strike: Strike

    /// In the order of `drill all`.
    static let all: [Drill] = [
        .killReader, .drainReader, .rollingRestart, .killCommentAPI, .restartRedis, .loseRedis, .restoreOlderRedis,
        .redisDemoted, .freezeRedis, .cutSubscriber, .bufferLimit, .postgresDown, .postgresDemoted, .postgresPromoted,
        .pgBouncer,
        .descriptorsExhausted, .slowViewers, .reconnectStorm, .joinLeave,
        .killMaster, .freezeMaster, .masterFailover, .reshard, .openSlots, .partition, .staleReplica, .emptyShard,
        .sentinelKill, .sentinelFreeze,
        .likesKillMaster, .likesFreezeMaster,
        .likesRestartRedis, .likesLoseRedis, .likesRestoreOlderRedis, .likesRedisDemoted, .redisClockBack,
        .likesPostgresDown, .likesPostgresDemoted, .likesPgBouncer, .tableMissing, .killLikeAPI, .killWorker,
    ]

    var needsPostgres: Bool { crowd == .likes || database == .needed }

    static func named(_ name: String) -> Drill? { all.first { $0.name == name } }
}

extension Drill: Equatable {
    static func == (left: Drill, right: Drill) -> Bool { left.name == right.name }
}

/// One run of a drill that needs several to compare.
struct DrillPass: Equatable, Sendable {
    /// Empty for the only one.
    var name: String
    /// Options of the swarm that only this run has.
    var swarm: [String] = []

    var folder: String { name.split(separator: " ").joined(separator: "-") }
}
