import NIOCore
import Synchronization

/// What tasks and the event loop of a subscriber share: the table, and the channel to wake.
final class SubscriberLink: Sendable {
    private struct State {
        var table: SubscriptionTable
        var channel: (any Channel)?
        var isWakeSent = false
    }

    private let state: Mutex<State>

    init(channelsMax: Int) {
        state = Mutex(State(table: SubscriptionTable(limit: channelsMax)))
    }

    /// Changes the table from any task; wakes the loop once a turn.
    func change<Value: Sendable>(_ body: (inout SubscriptionTable) -> Value) -> Value {
        let (value, toWake) = state.withLock { state in
            let value = body(&state.table)
            guard state.table.hasWork, !state.isWakeSent else { return (value, nil as (any Channel)?) }
            state.isWakeSent = state.channel != nil
            return (value, state.channel)
        }
        toWake?.write(SubscriberHandler.Signal.flush, promise: nil)
        return value
    }

    /// Looks at the table, or changes it on the loop itself.
    func withTable<Value: Sendable>(_ body: (inout SubscriptionTable) -> Value) -> Value {
        state.withLock { body(&$0.table) }
    }

    func takeCommands() -> SubscriptionTable.Commands {
        state.withLock { state in
            state.isWakeSent = false
            return state.table.flush()
        }
    }

    /// Logged in: everything wanted is to be subscribed.
    func connected(_ channel: any Channel) {
        state.withLock { state in
            state.channel = channel
            state.isWakeSent = false
            state.table.connected()
        }
    }

    func disconnected() {
        state.withLock { state in
            state.channel = nil
            state.isWakeSent = false
            state.table.disconnected()
        }
    }

    var isConnected: Bool { state.withLock { $0.table.isConnected } }

    /// Ends the connection that stands, if any.
    func drop(_ reason: RedisLoss) {
        state.withLock { $0.channel }?.write(SubscriberHandler.Signal.drop(reason), promise: nil)
    }
}
