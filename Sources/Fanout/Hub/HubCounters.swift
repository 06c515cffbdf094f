internal import Synchronization

/// What a hub has done since its start. Cheap to add to from any thread.
public final class HubCounters: Sendable {
    public struct Snapshot: Equatable, Sendable {
        /// Connections that are open.
        public var connections = 0
        /// Connections that were ever attached.
        public var connectionsTotal = 0
        /// Messages that came from the broker.
        public var messagesReceived = 0
        /// Messages that came twice, and went no further.
        public var duplicates = 0
        /// Messages that were left to a repair, because a loop was behind.
        public var messagesDeferred = 0
        /// Histories that were read for a channel after an interruption.
        public var repairs = 0
        /// Viewers who came back and got what they missed from the history.
        public var resumptions = 0
        /// Pages of history that were read for them: one serves all who wait for it.
        public var historyReads = 0
        /// Events written to viewers, one for each viewer and event.
        public var eventsSent = 0
        /// Calls that wrote them.
        public var writes = 0
        public var conflated = 0
        public var disconnects: [DisconnectReason: Int] = [:]
        public var refusals: [HubRefusal: Int] = [:]
    }

    private let state = Mutex(Snapshot())

    public var snapshot: Snapshot { state.withLock { $0 } }

    func add(_ change: (inout Snapshot) -> Void) {
        state.withLock { change(&$0) }
    }
}
