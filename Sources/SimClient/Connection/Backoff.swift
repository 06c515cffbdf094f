/// How long to wait before the next attempt: exponential, with full jitter.
///
/// Full jitter (a uniform draw between nothing and the bound) spreads a crowd that lost its server at one moment best:
/// M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
struct Backoff: Equatable, Sendable {
    var firstMilliseconds = 250
    var maxMilliseconds = 10_000
    /// The first retry does not wait: what a crowd without jitter does to its servers.
    var firstAtOnce = false

    /// Milliseconds before attempt number `attempt` (1 is the first retry); `draw` is random, 0 to below 1.
    func milliseconds(attempt: Int, draw: Double) -> Int {
        if firstAtOnce, attempt <= 1 { return 0 }
        let doublings = min(max(attempt - 1, 0), 20)
        return Int(Double(min(firstMilliseconds << doublings, maxMilliseconds)) * draw)
    }

    /// Milliseconds after the server has named a time: never earlier, and spread over as much again.
    static func milliseconds(asked: Int, draw: Double) -> Int {
        asked + Int(Double(max(asked, 250)) * draw)
    }
}
