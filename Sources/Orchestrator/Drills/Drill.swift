/// What can go wrong on purpose.
enum Drill: String, Codable, CaseIterable, Sendable {
    case killReader = "kill-reader"
    case drainReader = "drain-reader"
    case rollingRestart = "rolling-restart"
    case killCommentAPI = "kill-comment-api"
    case restartRedis = "restart-redis"
    case loseRedis = "lose-redis"
    case freezeRedis = "freeze-redis"
    case cutSubscriber = "cut-subscriber"
    case bufferLimit = "buffer-limit"
    case postgresDown = "postgres-down"
    case slowViewers = "slow-viewers"
    case reconnectStorm = "reconnect-storm"
    case joinLeave = "join-leave"

    /// What happens, and what has to come of it.
    var story: String {
        switch self {
        case .killReader: "A Reader dies by SIGKILL; its viewers go on at the others."
        case .drainReader: "A Reader gets SIGTERM and moves its viewers to the others."
        case .rollingRestart: "Every Reader in turn is stopped gently and started again."
        case .killCommentAPI: "One of two CommentAPIs dies by SIGKILL and comes back after 2 s."
        case .restartRedis: "Redis, which appends and syncs every write to its file, is stopped and started again."
        case .loseRedis: "Redis dies by SIGKILL and comes back empty: what viewers lack is told by a gap."
        case .freezeRedis: "Redis is stopped (SIGSTOP) for 5 s and goes on."
        case .cutSubscriber: "Redis cuts the subscriber connections of all Readers."
        case .bufferLimit: "A Reader stands still until Redis cuts its subscriber at the limit of its output buffer."
        case .postgresDown: "PostgreSQL is stopped for 10 s."
        case .slowViewers: "One viewer in a hundred never reads; the others do not notice."
        case .reconnectStorm: "A Reader dies, and all its viewers come back: at once, and with the clients' jitter."
        case .joinLeave: "With PLACEMENT=overflow a Reader joins, another drains: only its own viewers move."
        }
    }

    /// Does nothing without a record.
    var needsPostgres: Bool { self == .postgresDown }
    /// Is more to the point with a record.
    var wantsPostgres: Bool { self == .postgresDown || self == .loseRedis }
    /// A gap is an answer, not a failure.
    var mayMiss: Bool { self == .loseRedis }
    /// The fault is an orderly move that takes its time.
    var isDrain: Bool { self == .drainReader || self == .rollingRestart || self == .joinLeave }

    /// The runs that it takes: mostly one.
    var passes: [DrillPass] {
        switch self {
        case .reconnectStorm: [DrillPass(name: "at once", swarm: ["--reconnect-at-once"]), DrillPass(name: "jittered")]
        default: [DrillPass(name: "")]
        }
    }
}

/// One run of a drill that needs several to compare.
struct DrillPass: Equatable, Sendable {
    /// Empty for the only one.
    var name: String
    /// Options of the swarm that only this run has.
    var swarm: [String] = []

    var folder: String { name.split(separator: " ").joined(separator: "-") }
}
