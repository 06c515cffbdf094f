internal import Primitives

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
        /// Viewers that read and are not connected.
        var away = 0
        /// Of those that are, how many have not reached the positions that are sought.
        var behind = 0
        /// Everybody who reads was connected and had all that was acknowledged until this time, µs since 1970; 0: never.
        var wholeThrough: Int64 = 0
        /// Ticks of the loop's timer since its start, and those that came late.
        var ticks = 0
        var lateTicks = 0
    }

    private let snapshot = Mutex(Snapshot())

    func update(_ body: (inout Snapshot) -> Void) { snapshot.withLock { body(&$0) } }

    var now: Snapshot { snapshot.withLock { $0 } }
}
