import Audience
import Placement

/// All that one sweep found out: `report.json`.
struct SweepReport: Codable, Equatable, Sendable {
    static let schemaVersion = 1

    var schema = SweepReport.schemaVersion
    var kind = "sweep"
    var settings: SweepSettings
    var command: String
    var software: Software
    var machine: Machine
    /// What cells were held against.
    var limits: String
    /// UTC; of the last time that it went on.
    var startedAt: String
    var finishedAt = ""
    /// In the order of the grid.
    var cells: [SweepResult] = []
    /// Cells that do not fit on this machine, or came to no end.
    var missing: [Missing] = []
    /// Of one audience, one for each placement.
    var maps: [SubscriptionMap] = []
    var verdict = RunReport.Verdict(status: .interrupted, reason: "the sweep did not come to its end")

    struct Missing: Codable, Equatable, Sendable {
        enum Kind: String, Codable, Sendable {
            case doesNotFit = "does not fit"
            case failed
            /// The sweep was interrupted before; `--resume` measures it.
            case open
        }

        var cell: SweepCell
        var kind: Kind
        var reason: String
    }
}

/// What one cell came to, beside what the model says for its audience.
struct SweepResult: Codable, Equatable, Sendable {
    var cell: SweepCell
    var measured: Measured
    var predicted: RunReport.Prediction
    var latency: LatencySummary
    var delivered: Int
    var lost: Int
    /// Repeated and out of order.
    var misplaced: Int
    var comments: Int
    /// Of all viewers' streams.
    var bytesReceived: Int
    var redisCPUSeconds: Double
    /// From start to end, connects included.
    var readersCPUSeconds: Double
    var connectSeconds: Double
    var verdict: RunReport.Verdict

    struct Measured: Codable, Equatable, Sendable {
        var subscriptions: Int
        /// Redis's own count.
        var redisSubscriptions: Int?
        var spread: Double
        var amplification: Double
        var weightedAmplification: Double?
        var wastedShare: Double
        /// Viewers of the fullest Reader over the mean.
        var viewersMaxOverMean: Double
    }

    /// Measured less predicted, in points of a hundred.
    var spreadResidualPoints: Double { (measured.spread - predicted.share) * 100 }
    /// Measured over predicted, less 1.
    var amplificationResidual: Double {
        predicted.amplification > 0 ? measured.amplification / predicted.amplification - 1 : 0
    }
    /// Of Redis's processor, everything that a comment leads to in it.
    var redisMicrosecondsPerComment: Double { comments > 0 ? redisCPUSeconds * 1e6 / Double(comments) : 0 }
    /// Comments a second of Redis's processor time.
    var redisCommentsPerCPUSecond: Double { redisCPUSeconds > 0 ? Double(comments) / redisCPUSeconds : 0 }

    /// `nil` for a run that did not come so far.
    init?(_ cell: SweepCell, _ report: RunReport) {
        guard let spread = report.spread, let predicted = spread.predicted, let swarm = report.swarm else { return nil }
        let viewers = report.readers.map(\.viewers)
        let sum = viewers.reduce(0, +)
        self.cell = cell
        self.predicted = predicted
        measured = Measured(
            subscriptions: spread.subscriptions, redisSubscriptions: spread.redisSubscriptions,
            spread: spread.meanShare, amplification: spread.amplification,
            weightedAmplification: spread.weightedAmplification, wastedShare: spread.wastedShare,
            viewersMaxOverMean: sum > 0 ? Double((viewers.max() ?? 0) * report.settings.readers) / Double(sum) : 0)
        latency = swarm.latencyMilliseconds
        delivered = swarm.delivery.delivered
        lost = swarm.delivery.lost
        misplaced = swarm.delivery.repeated + swarm.delivery.reordered
        comments = swarm.publishing.acknowledged
        bytesReceived = swarm.bytesReceived
        redisCPUSeconds = report.redis?.cpuSecondsWhilePublishing ?? 0
        readersCPUSeconds = report.readers.reduce(0) { $0 + $1.usage.cpuSeconds }
        connectSeconds = report.connections.seconds
        verdict = report.verdict
    }
}
