import Glibc

/// Time that only goes forward.
enum MonotonicClock {
    /// Nanoseconds since the machine was started.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

extension Duration {
    /// Rounded down; up to 292 years.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    /// Rounded down, at least `least`: what Redis's options take.
    func milliseconds(atLeast least: Int64) -> Int64 { Swift.max(least, nanoseconds / 1_000_000) }
}
