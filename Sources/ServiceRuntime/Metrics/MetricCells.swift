import CoreMetrics
import Primitives
import Wire

import struct Synchronization.Atomic

/// The values of one series: a name with its labels.
protocol MetricCell: Sendable {
    var samples: [MetricSample] { get }
}

/// One line of the exposition.
struct MetricSample {
    /// Follows the name: `_bucket`.
    var ending = ""
    /// Follows the labels of the series: `le="0.5"`.
    var label = ""
    var value: String
}

/// A value that is read when the metrics are exposed.
struct ObservedCell: MetricCell {
    var read: @Sendable () -> Double

    var samples: [MetricSample] { [MetricSample(value: MetricName.number(read()))] }
}

/// Durations that somebody else counts, read when the metrics are exposed: every fourth bucket, three for a power of ten.
struct ObservedHistogramCell: MetricCell {
    var read: @Sendable () -> DurationHistogram

    var samples: [MetricSample] {
        let histogram = read()
        var cumulative: UInt64 = 0
        var samples: [MetricSample] = []
        for (bucket, bound) in DurationHistogram.bounds.enumerated() {
            cumulative += histogram.counts.isEmpty ? 0 : histogram.counts[bucket]
            guard bucket % 4 == 0 else { continue }
            let label = "le=\"\(MetricName.number(Double(bound) / 1e9))\""
            samples.append(MetricSample(ending: "_bucket", label: label, value: String(cumulative)))
        }
        let count = String(histogram.count)
        samples.append(MetricSample(ending: "_bucket", label: "le=\"+Inf\"", value: count))
        samples.append(MetricSample(ending: "_sum", value: MetricName.number(Double(histogram.sumNanoseconds) / 1e9)))
        samples.append(MetricSample(ending: "_count", value: count))
        return samples
    }
}

/// A whole number that only grows, up to the largest one.
final class CounterCell: CounterHandler, MetricCell {
    private let count = Atomic<Int64>(0)

    var value: Int64 { count.load(ordering: .relaxed) }
    var samples: [MetricSample] { [MetricSample(value: String(value))] }

    func increment(by amount: Int64) {
        let (_, after) = count.wrappingAdd(amount, ordering: .relaxed)
        if amount > 0, after < amount { count.store(.max, ordering: .relaxed) }
    }

    func reset() {
        count.store(0, ordering: .relaxed)
    }
}

/// A number that goes up and down, and a counter of fractions.
final class GaugeCell: MeterHandler, RecorderHandler, FloatingPointCounterHandler, MetricCell {
    private let number = Mutex(0.0)

    var value: Double { number.withLock { $0 } }
    var samples: [MetricSample] { [MetricSample(value: MetricName.number(value))] }

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { number.withLock { $0 = value } }
    func increment(by amount: Double) { number.withLock { $0 += amount } }
    func decrement(by amount: Double) { number.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func reset() { set(0.0) }
}

/// Counts values in fixed buckets.
final class HistogramCell: RecorderHandler, TimerHandler, MetricCell {
    /// Upper bounds for times, in seconds.
    static let seconds = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    /// Upper bounds for everything else.
    static let amounts: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6, 1e7]

    private struct State: Sendable {
        var bounds: [Double]
        /// By bucket, not cumulative; what lies above the last bound is only in `count`.
        var counts: [UInt64]
        var count: UInt64 = 0
        var sum = 0.0
    }

    private let state: Mutex<State>

    init(bounds: [Double]) {
        state = Mutex(State(bounds: bounds, counts: Array(repeating: 0, count: bounds.count)))
    }

    var samples: [MetricSample] {
        let state = state.withLock { $0 }
        var cumulative: UInt64 = 0
        var samples = zip(state.bounds, state.counts).map { bound, count in
            cumulative += count
            return MetricSample(
                ending: "_bucket", label: "le=\"\(MetricName.number(bound))\"", value: String(cumulative))
        }
        samples.append(MetricSample(ending: "_bucket", label: "le=\"+Inf\"", value: String(state.count)))
        samples.append(MetricSample(ending: "_sum", value: MetricName.number(state.sum)))
        samples.append(MetricSample(ending: "_count", value: String(state.count)))
        return samples
    }

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
