internal import Broker
internal import Synchronization
internal import Wire

/// The hub's state behind its lock, and the connects that wait in it. Loops and lanes hold it without holding the hub.
final class HubBook: Sendable {
    struct State {
        var channels: HubState
        var waiters = WaitingRoom()
        var isDraining = false
        /// Connections, and connects that hold a ticket.
        var places = 0
        var nextLoop = 0
        var nextResumption: ResumptionID = 0
        /// Orders for the subscriber, in the order in which the lock was held.
        var subscriptionOrders: [HubState.Order] = []
        var isSubscribing = false
    }

    private let state: Mutex<State>
    let counters = HubCounters()

    init(settings: HubState.Settings) {
        state = Mutex(State(channels: HubState(settings: settings)))
    }

    func withLock<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        state.withLock { body(&$0) }
    }

    /// A loop tells what happened since it told last.
    func loop(_ loop: Int, tells report: LoopReport) {
        let now = HubClock.now()
        if !report.departures.isEmpty {
            state.withLock { state in
                for departure in report.departures {
                    state.channels.leave(topics: departure.topics, loop: loop, now: now)
                    state.places -= 1
                }
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
