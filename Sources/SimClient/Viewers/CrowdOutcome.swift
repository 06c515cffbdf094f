internal import Audience

/// Everything that a crowd found, at the end.
struct CrowdOutcome: Sendable {
    var tally: CrowdTally
    var wanted: Int
    var counts: DeliveryCounts
    var latency: LatencyHistogram

    /// Whether every viewer got what it was owed, unaltered.
    var isClean: Bool { counts.isClean && tally.altered == 0 }
}
