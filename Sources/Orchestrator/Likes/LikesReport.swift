import Audience

/// All that a run of likes, or a drill of likes, found out: `report.json`.
struct LikesReport: Codable, Equatable, Sendable {
    /// Grows when a member changes its meaning or goes away.
    static let schemaVersion = 1
    static let samplesMax = 20_000

    var schema = LikesReport.schemaVersion
    var kind = "likes"
    /// `nil`: nothing was broken.
    var drill: LikeDrill?
    var settings: LikesSettings
    var command: String
    var notes: [String] = []
    var software: Software
    var machine: Machine
    /// UTC.
    var startedAt: String
    var finishedAt = ""
    /// Times are seconds since the likes began.
    var marks: [DrillReport.Mark] = []
    /// Ten times a second; at most ``samplesMax``.
    var samples: [Sample] = []
    var outcome = Outcome()
    var redis: Redis?
    var processes: [RunReport.Process] = []
    var verdict = RunReport.Verdict(status: .interrupted, reason: "the run did not come to its end")

    struct Sample: Codable, Equatable, Sendable {
        var seconds: Double
        var acknowledged: Int
        var refused: Int
        var unanswered: Int
        /// Users who are not done.
        var underWay: Int
        /// Counts that viewers got.
        var updates: Int
    }

    /// What the crowd tells, and what was found to be so.
    struct Outcome: Codable, Equatable, Sendable {
        /// Without the users' bits.
        var swarm: LikeSwarmReport?
        var photos: [PhotoAudit] = []
        /// From the last like until PostgreSQL had everything; `nil` without PostgreSQL.
        var drainSeconds: Double?
    }

    /// One photo: the generator's own truth, and what was counted.
    struct PhotoAudit: Codable, Equatable, Sendable {
        var photo: String
        /// Distinct users who did something.
        var users: Int
        /// Those who must like it now.
        var truth: Int
        /// Members in Redis, and the count that is told.
        var redis = 0
        var redisCount = 0
        /// Users who are wrong in Redis, strangers included.
        var redisDifferences = 0
        /// Rows in PostgreSQL, and the denormalised count; `nil` without it.
        var record: Int?
        var recordCount: Int?
        var recordDifferences: Int?

        var isExact: Bool {
            redis == truth && redisCount == truth && redisDifferences == 0 && (record ?? truth) == truth
                && (recordCount ?? truth) == truth && (recordDifferences ?? 0) == 0
        }
    }

    struct Redis: Codable, Equatable, Sendable {
        var version: String
        /// Before the first like, and when the streams were empty.
        var memoryBefore: Int
        var memoryAfter: Int
    }
}

extension LikesReport {
    var faultBegin: Double? { marks.first { $0.kind == .begin }?.seconds }
    var faultEnd: Double? { marks.last { $0.kind == .end }?.seconds }

    /// Seconds from the fault's end until a like was acknowledged; `nil` when that did not come.
    var resumedAfterSeconds: Double? {
        guard let end = faultEnd else { return nil }
        let before = samples.last { $0.seconds < end }?.acknowledged ?? 0
        return samples.first { $0.seconds >= end && $0.acknowledged > before }.map { $0.seconds - end }
    }

    /// Bytes of Redis's memory for each like that stays; `nil` when that is not known.
    var bytesPerLike: Double? {
        let likes = outcome.photos.reduce(0) { $0 + $1.redis }
        guard let redis, likes > 0 else { return nil }
        return Double(redis.memoryAfter - redis.memoryBefore) / Double(likes)
    }
}
