internal import Audience

/// Everything that a crowd found, at the end.
struct CrowdOutcome: Sendable {
    var tally: CrowdTally
    var wanted: Int
    var counts: DeliveryCounts
    var latency: LatencyHistogram
    var latencyFromDue: LatencyHistogram
}
