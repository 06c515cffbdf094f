/// Decides when to publish a probe to the own subscriber connection, and when to replace that connection. Pure.
///
/// PING shows that a connection answers. Only a message that was published and came back shows that subscriptions
/// work: a connection may answer PING and yet deliver nothing, after a fault on the way or a defect here.
struct SubscriberProbe {
    enum Action: Equatable {
        case none
        /// Publish this number to the probe channel.
        case publish(UInt64)
        /// The last probe is overdue: replace the connection.
        case replace
    }

    private enum State: Equatable {
        /// The probe channel is not subscribed on the present connection.
        case unsubscribed
        /// The next probe is due at this time.
        case idle(until: ContinuousClock.Instant)
        /// This probe was published at this time.
        case waiting(UInt64, since: ContinuousClock.Instant)
    }

    let interval: Duration
    let deadline: Duration
    private var state = State.unsubscribed
    private var last: UInt64 = 0

    init(interval: Duration, deadline: Duration) {
        self.interval = interval
        self.deadline = deadline
    }

    mutating func subscribed(now: ContinuousClock.Instant) {
        state = .idle(until: now + interval)
    }

    mutating func connectionLost() {
        state = .unsubscribed
    }

    mutating func tick(now: ContinuousClock.Instant) -> Action {
        switch state {
        case .unsubscribed: return .none
        case .idle(let due):
            guard now >= due else { return .none }
            last += 1
            state = .waiting(last, since: now)
            return .publish(last)
        case .waiting(_, let since):
            guard now - since >= deadline else { return .none }
            state = .unsubscribed
            return .replace
        }
    }

    /// The probe could not be published, which proves nothing about the subscriber connection.
    mutating func publishFailed(_ number: UInt64, now: ContinuousClock.Instant) {
        if case .waiting(number, _) = state { state = .idle(until: now + interval) }
    }

    /// - Returns: whether it was the probe that is waited for.
    mutating func received(_ number: UInt64?, now: ContinuousClock.Instant) -> Bool {
        guard let number, case .waiting(number, _) = state else { return false }
        state = .idle(until: now + interval)
        return true
    }
}
