internal import Placement

/// When things happen in an open loop: times that do not wait for what happened before.
///
/// Yields nanoseconds since the start, never falling. It never ends by itself unless the rate is 0; whoever
/// uses it stops at the end of the run.
public struct Arrivals: Sequence, IteratorProtocol, Sendable {
    public enum Process: String, Codable, Sendable, CaseIterable {
        /// Exponential intervals: what many independent people do together.
        case poisson
        /// Equal intervals.
        case constant
    }

    public let process: Process
    /// Mean events a second.
    public let rate: Double
    private var draws: Xoshiro256
    private var events: UInt64 = 0
    private var elapsed = 0.0

    /// - Parameters:
    ///   - rate: events a second, 0 or above; 0, and what is no number, never yields.
    ///   - phase: part of an interval before the first event of a constant process, 0 to 1: shards take turns.
    public init(_ process: Process, rate: Double, seed: UInt64, purpose: String = "arrivals", phase: Double = 1) {
        self.process = process
        self.rate = rate.isFinite && rate > 0 ? rate : 0
        self.phase = phase
        draws = Xoshiro256(seed: seed, purpose: purpose)
    }

    private let phase: Double

    /// Nanoseconds since the start of the next event.
    public mutating func next() -> UInt64? {
        guard rate > 0 else { return nil }
        let interval = 1e9 / rate
        switch process {
        case .poisson:
            elapsed += draws.exponential(mean: interval)
        case .constant:
            // Multiplied, not added up: a rounding error must not grow over a long run.
            elapsed = (Double(events) + phase) * interval
        }
        events += 1
        // After 292 years: a rate so small that nothing else ever happens.
        guard elapsed < 9.2e18 else { return nil }
        return UInt64(elapsed)
    }
}
