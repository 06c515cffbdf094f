internal import Synchronization

/// What other threads may look at while a crowd runs; as old as the loop's last turn, or a few milliseconds.
final class CrowdBoard: Sendable {
    struct Snapshot: Sendable {
        var tally = CrowdTally()
        /// Viewers that are queued, connecting or resting; `Int.max` before the loop told.
        var unsettled = Int.max
        /// When `unsettled` first was 0, monotonic nanoseconds; 0 before.
        var settledAt: UInt64 = 0
        var delivered = 0
        var reconnects = 0
        /// Viewers that have not yet reached the positions that are expected; `nil` while none are.
        var short: Int?
        /// Ticks of the loop's timer since its start, and those that came late.
        var ticks = 0
        var lateTicks = 0
    }

    private let snapshot = Mutex(Snapshot())

    func update(_ body: (inout Snapshot) -> Void) { snapshot.withLock { body(&$0) } }

    var now: Snapshot { snapshot.withLock { $0 } }
}
