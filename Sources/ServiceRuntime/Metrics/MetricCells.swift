import CoreMetrics
import Synchronization

/// A whole number that only grows. It stops at the largest number instead of going round.
final class CounterCell: CounterHandler, Sendable {
    private let count = Atomic<Int64>(0)

    var value: Int64 { count.load(ordering: .relaxed) }

    func increment(by amount: Int64) {
        let (_, after) = count.wrappingAdd(amount, ordering: .relaxed)
        if amount > 0, after < amount { count.store(.max, ordering: .relaxed) }
    }

    func reset() {
        count.store(0, ordering: .relaxed)
    }
}

/// A number that goes up and down, and a counter of fractions.
final class GaugeCell: MeterHandler, RecorderHandler, FloatingPointCounterHandler, Sendable {
    private let number = Mutex(0.0)

    var value: Double { number.withLock { $0 } }

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { number.withLock { $0 = value } }
    func increment(by amount: Double) { number.withLock { $0 += amount } }
    func decrement(by amount: Double) { number.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func reset() { set(0.0) }
}

/// Counts values in fixed buckets.
final class HistogramCell: RecorderHandler, TimerHandler, Sendable {
    /// Upper bounds for times, in seconds.
    static let seconds = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    /// Upper bounds for everything else.
    static let amounts: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6, 1e7]

    struct Snapshot: Sendable {
        var bounds: [Double]
        /// By bucket, not cumulative; what lies above the last bound is only in `count`.
        var counts: [UInt64]
        var count: UInt64 = 0
        var sum = 0.0
    }

    private let state: Mutex<Snapshot>

    init(bounds: [Double]) {
        state = Mutex(Snapshot(bounds: bounds, counts: Array(repeating: 0, count: bounds.count)))
    }

    func snapshot() -> Snapshot { state.withLock { $0 } }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        state.withLock { state in
            state.count += 1
            state.sum += value
            // A linear search: most values fall into the first buckets.
            if let bucket = state.bounds.firstIndex(where: { value <= $0 }) { state.counts[bucket] += 1 }
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}
