import Audience
import Report
import Testbed

/// All that a run of likes, or a drill of likes, found out.
struct LikesResult: Experiment {
    static let samplesMax = 20_000

    /// `nil`: nothing was broken.
    var drill: Drill?
    var settings: LikesSettings
    /// What the report begins with.
    var base: Report
    /// When the first message came; `nil` before.
    var start: ContinuousClock.Instant?
    var faultLog = FaultLog()
    /// Ten times a second; at most ``samplesMax``.
    var samples: [Sample] = []
    var outcome = Outcome()
    var redis: Redis?
    var processes: [ProcessCosts] = []

    /// Its seconds are those since ``start``, by the Orchestrator's clock.
    typealias Sample = LikesMessage.LikesState

    /// What the crowd tells, and what was found to be so.
    struct Outcome: Sendable {
        /// Without the users' bits.
        var swarm: LikeSwarmReport?
        var photos: [PhotoAudit] = []
        /// From the last like until PostgreSQL had everything; `nil` without PostgreSQL.
        var drainSeconds: Double?
    }

    /// One photo: the generator's own truth, and what was counted.
    struct PhotoAudit: Sendable {
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

    struct Redis: Sendable {
        /// Before the first like, and when the streams were empty.
        var memoryBefore: Int
        var memoryAfter: Int
    }
}

extension LikesResult {
    /// Seconds from the fault's end until a like was acknowledged and a viewer got a count; `nil` when that did not come.
    var recoverySeconds: Double? {
        guard let end = faultLog.marks.end else { return nil }
        let before = samples.last { $0.seconds < end }
        return samples.first {
            $0.seconds >= end && $0.acknowledged > before?.acknowledged ?? 0 && $0.updates > before?.updates ?? 0
        }.map { $0.seconds - end }
    }

    var answers: [Answers] {
        samples.map {
            Answers(seconds: $0.seconds, acknowledged: $0.acknowledged, refused: $0.refused + $0.unanswered)
        }
    }

    /// Bytes of Redis's memory for each like that stays; `nil` when that is not known.
    var bytesPerLike: Double? {
        let likes = outcome.photos.reduce(0) { $0 + $1.redis }
        guard let redis, likes > 0 else { return nil }
        return Double(redis.memoryAfter - redis.memoryBefore) / Double(likes)
    }
}
