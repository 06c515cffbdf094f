internal import SocketLoop

enum HubClock {
    /// Monotonic nanoseconds, the same clock as the loops'.
    static func now() -> UInt64 { LoopClock.monotonicNanoseconds() }
}
