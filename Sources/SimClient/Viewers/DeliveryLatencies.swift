internal import Audience

/// How long deliveries took, since their comment was sent and since it was due.
struct DeliveryLatencies: Sendable {
    private(set) var sinceSent = LatencyHistogram()
    private(set) var sinceDue = LatencyHistogram()
    /// Comments sent before this time (µs since 1970) are delivered and audited, but not recorded: warm-up.
    var measuredFrom = Int64.min

    /// - Parameter now: µs since 1970.
    mutating func record(_ sent: CommentText.SendTime, viewers: Int, at now: Int64) {
        guard sent.at >= measuredFrom else { return }
        sinceSent.record(microseconds: now - sent.at, count: UInt64(viewers))
        sinceDue.record(microseconds: now - sent.at + sent.late, count: UInt64(viewers))
    }
}
