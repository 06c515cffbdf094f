import NIOCore

/// What a client may keep a connection waiting for.
///
/// Constants, not settings: a client that needs more than these is one that holds connections.
struct HTTPLimits: Sendable {
    /// Before the first request, and between two.
    var idle = TimeAmount.seconds(75)
    /// From the first bytes of a head to its last.
    var head = TimeAmount.seconds(10)
    /// From a head to the end of its body.
    var body = TimeAmount.seconds(60)
    /// After this time a body must have come at least at ``bodyBytesPerSecond`` on average.
    var bodyGrace = TimeAmount.seconds(10)
    var bodyBytesPerSecond = 240
    /// The longest time in which a client takes nothing of an answer.
    var answer = TimeAmount.seconds(30)
    /// From the last answer of a connection to the client's end of it.
    var linger = TimeAmount.seconds(2)

    /// Whether so much of a body is too little after so long.
    func isTooSlow(bodyBytes: Int, after elapsed: TimeAmount) -> Bool {
        if elapsed >= body { return true }
        let seconds = Double((elapsed - bodyGrace).nanoseconds) / 1e9
        return seconds >= 0 && Double(bodyBytes) <= Double(bodyBytesPerSecond) * seconds
    }
}
