import Audience
import Report
import Testbed

/// All that one drill found out.
struct DrillResult: Experiment {
    var drill: Drill
    var settings: DrillSettings
    /// Generator processes for the viewers.
    var swarms: Int
    /// What the report begins with.
    var base: Report
    /// One, or those that are compared.
    var passes: [Pass] = []
    var processes: [ProcessCosts] = []

    /// One run: a crowd, a fault, and what came of it. Times are seconds since publishing began.
    struct Pass: Sendable {
        /// Empty for the only one.
        var name: String
        /// µs since 1970: when publishing began, and of the newest sample.
        var start: Int64 = 0
        var latest: Int64 = 0
        var connections = SwarmReport.Viewers()
        var faultLog = FaultLog()
        /// Ten times a second; at most ``samplesMax``.
        var samples: [Sample] = []
        /// All swarms together.
        var swarm: SwarmReport?
        var history: HistoryCheck?
    }

    static let samplesMax = 3_000

    /// How the crowd was.
    struct Sample: Sendable {
        var seconds = 0.0
        var acknowledged = 0
        /// Answered, or given up, without an acknowledgement.
        var unacknowledged = 0
        var delivered = 0
        /// Viewers that are not connected.
        var away = 0
        /// Connected viewers that lack something that was acknowledged a moment ago.
        var behind = 0
        /// Until when everybody has had everything; negative before the first time.
        var wholeThrough = -1.0
        /// Connections that were started, and that got their first event, since the swarms' start.
        var attempts = 0
        var connects = 0
    }

    /// Who has another place after a Reader came or went.
    struct Change: Sendable {
        /// `reader-7 joins`.
        var name: String
        /// Videos that were asked about before and after, and those with another answer of `/locate`.
        var videos: Int
        var videosMoved: Int
        /// Of these: from and to Readers that were there all the time. Hot channels, as they fill up and empty.
        var videosMovedElsewhere: Int
        /// The part of the videos that rendezvous hashing moves: 1/R, R with the Reader that came or went.
        var shareExpected: Double
        var viewers: Int
        /// Viewers that connected again meanwhile.
        var viewersMoved: Int
        /// Viewers that have to: those of a Reader that leaves.
        var viewersDue: Int

        /// One in a hundred of all viewers may come again for reasons of its own.
        var movesOnlyWhoMust: Bool { viewersMoved <= viewersDue + viewers / 100 }
    }

    /// `GET /history` against what was acknowledged or stored.
    struct HistoryCheck: Sendable {
        var wanted = 0
        var missing = 0
        /// Comments that are there although nobody acknowledged them: unknown outcomes.
        var others = 0
    }
}

extension DrillResult.Pass {
    /// Seconds from the fault's end until every viewer was connected and had all that was acknowledged until then, and
    /// more was acknowledged; `nil` when that did not come.
    var recoverySeconds: Double? {
        guard let end = faultLog.marks.end else { return nil }
        let before = samples.last { $0.seconds < end }?.acknowledged ?? 0
        return samples.first { $0.wholeThrough >= end && $0.acknowledged > before }.map { max(0, $0.seconds - end) }
    }

    /// The longest that the last viewer lacked something that was acknowledged: before the fault, and from then on. The
    /// first 2 s, in which the crowd begins, do not count.
    var lateSeconds: (calm: Double, fault: Double)? {
        guard let begin = faultLog.marks.begin else { return nil }
        func longest(_ samples: [DrillResult.Sample]) -> Double {
            samples.map { $0.seconds - max(0, $0.wholeThrough) }.max() ?? 0
        }
        return (
            longest(samples.filter { $0.seconds >= 2 && $0.seconds < begin }),
            longest(samples.filter { $0.seconds >= begin })
        )
    }

    var answers: [Answers] {
        samples.map { Answers(seconds: $0.seconds, acknowledged: $0.acknowledged, refused: $0.unacknowledged) }
    }

    /// The highest rate at which Readers took viewers, per second, over any `window` seconds; 0 when nobody came.
    func acceptsPeak(window: Double) -> Double {
        var peak = 0.0
        var end = 0
        for start in samples.indices {
            end = max(end, start)
            // Samples come at times that waver: a window ends with the first one that makes it long enough.
            while end < samples.count - 1, samples[end].seconds - samples[start].seconds < window - 0.02 { end += 1 }
            let seconds = samples[end].seconds - samples[start].seconds
            guard seconds >= window - 0.02 else { break }
            peak = max(peak, Double(samples[end].connects - samples[start].connects) / max(seconds, window))
        }
        return peak
    }
}
