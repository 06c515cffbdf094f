import NIOCore

/// When to ask a silent connection whether it lives, and when to give it up. Pure.
struct Liveness {
    enum Action: Equatable {
        case none, ping, giveUp
    }

    let interval: TimeAmount
    let timeout: TimeAmount
    private var lastHeard: NIODeadline
    private var askedAt: NIODeadline?

    /// - Parameters:
    ///   - interval: silence after which PING is sent.
    ///   - timeout: silence after PING that ends the connection.
    init(interval: TimeAmount, timeout: TimeAmount, now: NIODeadline) {
        self.interval = interval
        self.timeout = timeout
        self.lastHeard = now
    }

    /// Any byte proves life: under load an answer to PING stands behind everything already sent.
    mutating func heard(now: NIODeadline) {
        lastHeard = now
        askedAt = nil
    }

    mutating func tick(now: NIODeadline) -> Action {
        if let askedAt { return now - askedAt >= timeout ? .giveUp : .none }
        guard now - lastHeard >= interval else { return .none }
        askedAt = now
        return .ping
    }
}
