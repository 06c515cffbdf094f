internal import Primitives
internal import Synchronization

/// The hub's core behind its lock. Loops and lanes hold it without holding the hub.
final class HubBook: Sendable {
    typealias Core = HubCore<CheckedContinuation<Bool, Never>>

    struct State {
        var core: Core
        /// Somebody is telling the subscriber what the core ordered.
        var isSubscribing = false
    }

    private let state: Mutex<State>
    let counters = HubCounters()

    init(settings: Core.Settings) {
        state = Mutex(State(core: HubCore(settings: settings)))
    }

    func withLock<Result: Sendable>(_ body: (inout Core) -> Result) -> Result {
        state.withLock { body(&$0.core) }
    }

    /// What the subscriber is to be told next; empty when there is nothing, or somebody else is telling it. Whoever
    /// got orders calls ``subscriberWasTold()`` after them.
    func takeSubscriptionOrders() -> [HubState.Order] {
        state.withLock { state in
            guard !state.isSubscribing else { return [] }
            let orders = state.core.takeSubscriptionOrders()
            state.isSubscribing = !orders.isEmpty
            return orders
        }
    }

    func subscriberWasTold() {
        state.withLock { $0.isSubscribing = false }
    }

    /// A loop tells what happened since it told last.
    func loop(_ loop: Int, tells report: LoopReport) {
        let now = MonotonicClock.now()
        if !report.departures.isEmpty {
            state.withLock { state in
                for departure in report.departures { state.core.departed(departure.topics, loop: loop, now: now) }
            }
        }
        counters.add { snapshot in
            snapshot.connections -= report.departures.count
            for departure in report.departures { snapshot.disconnects[departure.reason, default: 0] += 1 }
            snapshot.eventsSent += report.events
            snapshot.writes += report.writes
            snapshot.conflated += report.conflated
        }
    }
}
