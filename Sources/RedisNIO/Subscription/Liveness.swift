import NIOCore

/// When to send PING over a silent connection, and when to close it. Pure.
struct Liveness {
    enum Action: Equatable {
        case none, ping, giveUp
    }

    let interval: TimeAmount
    let timeout: TimeAmount
    private var lastReceived: NIODeadline
    private var askedAt: NIODeadline?

    /// - Parameters:
    ///   - interval: silence after which PING is sent.
    ///   - timeout: silence after PING that ends the connection.
    init(interval: TimeAmount, timeout: TimeAmount, now: NIODeadline) {
        self.interval = interval
        self.timeout = timeout
        self.lastReceived = now
    }

    /// Any byte proves life: under load an answer to PING stands behind everything already sent.
    mutating func received(now: NIODeadline) {
        lastReceived = now
        askedAt = nil
    }

    mutating func tick(now: NIODeadline) -> Action {
        if let askedAt { return now - askedAt >= timeout ? .giveUp : .none }
        guard now - lastReceived >= interval else { return .none }
        askedAt = now
        return .ping
    }
}
