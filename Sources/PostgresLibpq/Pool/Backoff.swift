/// The pause before the next connection attempt: doubled each time up to a limit, half of it random, so that the
/// processes that lost the same server do not come back at the same moment.
struct Backoff {
    let range: ClosedRange<Duration>
    private var attempts = 0

    init(_ range: ClosedRange<Duration>) { self.range = range }

    mutating func reset() { attempts = 0 }

    /// - Parameter random: 0 to 1.
    mutating func next(random: Double) -> Duration {
        let whole = min(range.upperBound, range.lowerBound * (1 << min(attempts, 20)))
        attempts += 1
        return whole / 2 + whole / 2 * min(max(random, 0), 1)
    }
}
