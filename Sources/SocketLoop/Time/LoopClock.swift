internal import CKernel

/// The clocks of a loop, in nanoseconds.
public enum LoopClock {
    /// Time that only goes forward: for deadlines and durations.
    public static func monotonicNanoseconds() -> UInt64 { chorus_monotonic_nanoseconds() }
    /// Time since 1970-01-01T00:00:00Z, the same in all processes of a machine: for latencies across processes.
    public static func realtimeNanoseconds() -> UInt64 { chorus_realtime_nanoseconds() }
}

/// Raises the soft limit of open descriptors to the hard one.
public enum DescriptorLimit {
    /// The limit that holds afterwards; `nil` when the kernel does not say.
    @discardableResult
    public static func raise() -> Int? {
        let limit = chorus_raise_descriptor_limit()
        return limit < 0 ? nil : Int(limit)
    }
}
