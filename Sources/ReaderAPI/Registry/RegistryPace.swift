/// When a Reader announces itself, and when it reads the others. Pure.
///
/// All Readers count their connections at the same moments, the multiples of the interval on the clock of Redis, and
/// read a tenth of an interval later. Without that everybody would see itself as of now and the others as of up to an
/// interval ago: while a crowd comes, each Reader would take itself for the fullest and send viewers of cold channels on.
enum RegistryPace {
    /// From a moment to the time at which all have written what they counted then.
    static func reading(after interval: Duration) -> Duration { interval / 10 }

    /// The time to the next moment, more than nothing and at most `interval`.
    ///
    /// - Parameters:
    ///   - serverMilliseconds: what the clock of Redis said, ``elapsed`` ago.
    static func untilMoment(serverMilliseconds: Int, elapsed: Duration, interval: Duration) -> Duration {
        let (every, passed) = (nanoseconds(interval), nanoseconds(elapsed))
        guard every > 0 else { return interval }
        let rest = (Int64(clamping: serverMilliseconds) % (1 << 42) * 1_000_000 + passed) % every
        return .nanoseconds(every - rest)
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        max(0, duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000)
    }
}
