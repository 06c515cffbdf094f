internal import Primitives

/// One viewer's way to a Reader and back to it after every end, as a machine without sockets and clocks.
struct ViewerMachine: Equatable, Sendable {
    enum State: UInt8, Sendable {
        /// Waits for a place among the connects in progress; then `connecting`.
        case queued
        /// From the start of the connection to the event `connected`; then `watching`, `queued` (redirected), `waiting`
        /// or `failed`.
        case connecting
        /// Gets events; then `waiting`.
        case watching
        /// Pauses before it queues again.
        case waiting
        /// Gave up. Final.
        case failed
        /// Has not come, or has left; then `queued`.
        case absent
    }

    struct Limits: Equatable, Sendable {
        var backoff = Backoff(base: .milliseconds(250), cap: .seconds(10))
        /// The first retry does not wait: what a crowd without jitter does to its servers.
        var firstAtOnce = false
        /// Attempts in a row that may fail; one more and the viewer gives up.
        var attemptsMax = 12
        /// Redirects that are followed in one attempt: two, and the one after them (a Reader serves at last).
        var hopsMax = 3
        /// A server that asks for a longer pause gets this one.
        var pauseMillisecondsMax = 60_000

        /// Milliseconds before attempt number `attempt` (1 is the first retry); `draw` is random, 0 to below 1.
        func pause(attempt: Int, draw: Double) -> Int {
            firstAtOnce && attempt <= 1 ? 0 : Int(backoff.bound(ofAttempt: attempt) / .milliseconds(1) * draw)
        }

        /// Milliseconds after the server has named a time: never earlier, and spread over as much again.
        static func pause(asked: Int, draw: Double) -> Int { asked + Int(Double(max(asked, 250)) * draw) }
    }

    enum Step: Equatable, Sendable {
        case stay
        /// Go to the end of the queue.
        case queue
        /// Close the connection and go to the Reader at this URL.
        case follow(String)
        /// Close the connection and queue again after so many milliseconds.
        case wait(milliseconds: Int)
        case giveUp
    }

    private(set) var state: State
    private var attempts: UInt8 = 0
    private var hops: UInt8 = 0
    /// Whether it was ever connected: what comes after is a reconnection.
    private(set) var hasWatched = false

    init(isPresent: Bool = true) { state = isPresent ? .queued : .absent }

    /// There is a place for it among the connects in progress.
    mutating func admitted() {
        state = .connecting
    }

    mutating func answered(_ head: ResponseHead, limits: Limits, draw: Double) -> Step {
        guard state == .connecting, head.status != 200 else { return .stay }
        if (head.status == 307 || head.status == 308), let location = head.location, hops < limits.hopsMax {
            hops += 1
            state = .queued
            return .follow(location)
        }
        let asked = head.retryAfterSeconds.map { min($0 * 1000, limits.pauseMillisecondsMax) }
        return failed(askedMilliseconds: head.status == 503 ? asked : nil, limits: limits, draw: draw)
    }

    /// The event `connected` came.
    mutating func connected() {
        state = .watching
        hasWatched = true
        attempts = 0
        hops = 0
    }

    /// The Reader asked to reconnect, and maybe after which time.
    mutating func sentAway(milliseconds: Int?, limits: Limits, draw: Double) -> Step {
        guard state == .watching || state == .connecting else { return .stay }
        state = .waiting
        // The Reader's delay is jittered already; without one, the crowd spreads over a second.
        return .wait(milliseconds: min(milliseconds ?? Int(1000 * draw), limits.pauseMillisecondsMax))
    }

    /// The connection ended, could not be made, or was silent for too long.
    mutating func ended(limits: Limits, draw: Double) -> Step {
        switch state {
        case .connecting: return failed(askedMilliseconds: nil, limits: limits, draw: draw)
        case .watching:
            state = .waiting
            return .wait(milliseconds: limits.pause(attempt: 1, draw: draw))
        case .queued, .waiting, .failed, .absent: return .stay
        }
    }

    /// The pause is over.
    mutating func rested() -> Step {
        guard state == .waiting else { return .stay }
        state = .queued
        return .queue
    }

    private mutating func failed(askedMilliseconds: Int?, limits: Limits, draw: Double) -> Step {
        hops = 0
        attempts += 1
        guard attempts <= limits.attemptsMax else {
            state = .failed
            return .giveUp
        }
        state = .waiting
        if let askedMilliseconds {
            return .wait(milliseconds: Limits.pause(asked: askedMilliseconds, draw: draw))
        }
        return .wait(milliseconds: limits.pause(attempt: Int(attempts), draw: draw))
    }
}
