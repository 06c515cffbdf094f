internal import Glibc

/// Time that only goes forward, for deadlines and durations.
public enum MonotonicClock {
    /// Nanoseconds since the machine was started.
    public static func now() -> UInt64 { clockNanoseconds(CLOCK_MONOTONIC) }
}

/// The time of day, the same in all processes of a machine.
public enum WallClock {
    /// Nanoseconds since 1970-01-01T00:00:00Z: for latencies across processes.
    public static func nanoseconds() -> UInt64 { clockNanoseconds(CLOCK_REALTIME) }
    /// Microseconds since 1970-01-01T00:00:00Z.
    public static func microseconds() -> Int64 { Int64(nanoseconds() / 1000) }
    /// Milliseconds since 1970-01-01T00:00:00Z.
    @Sendable
    public static func milliseconds() -> Int64 { Int64(nanoseconds() / 1_000_000) }
}

private func clockNanoseconds(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

extension Duration {
    /// Whole nanoseconds, rounded down; 0 for negative durations, at most 292 years.
    public var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(min(seconds, 9_000_000_000)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }

    /// Whole milliseconds, rounded down.
    public var milliseconds: Int64 { Int64(nanoseconds / 1_000_000) }
}
