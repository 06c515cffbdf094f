internal import Histogram

/// Delivery latency in microseconds, from 1 µs to 1 hour, with three significant digits, in about 180 KB.
///
/// What lies outside is clamped and counted, never dropped: a latency below 1 µs is a clock that was set back, one over
/// an hour is a clock that was set forward, or a run that nobody should believe. G. Tene's HdrHistogram; percentiles of
/// several processes come from merged histograms, never from averaged percentiles.
public struct LatencyHistogram: Sendable {
    /// 1 hour.
    public static let microsecondsMax: UInt64 = 3_600_000_000

    private var histogram = LatencyHistogram.makeEmpty()
    /// Values below 1 µs, recorded as 1 µs.
    public private(set) var clampedLow: UInt64 = 0
    /// Values over 1 hour, recorded as 1 hour.
    public private(set) var clampedHigh: UInt64 = 0

    public init() {}

    private static func makeEmpty() -> Histogram<UInt64> {
        Histogram<UInt64>(highestTrackableValue: microsecondsMax, numberOfSignificantValueDigits: .three)
    }

    /// Records `count` deliveries that took this long.
    public mutating func record(microseconds: Int64, count: UInt64 = 1) {
        guard count > 0 else { return }
        var value = UInt64(max(microseconds, 0))
        if value < 1 {
            clampedLow += count
            value = 1
        } else if value > LatencyHistogram.microsecondsMax {
            clampedHigh += count
            value = LatencyHistogram.microsecondsMax
        }
        if !histogram.record(value, count: count) { clampedHigh += count }
    }

    /// Adds another process's deliveries.
    public mutating func merge(_ other: LatencyHistogram) {
        histogram.add(other.histogram)
        clampedLow += other.clampedLow
        clampedHigh += other.clampedHigh
    }

    public var count: UInt64 { histogram.totalCount }

    /// The latency that `percentile` percent (0 to 100) of the deliveries did not exceed; `nil` without deliveries.
    public func microseconds(atPercentile percentile: Double) -> UInt64? {
        count == 0 ? nil : histogram.valueAtPercentile(percentile)
    }

    /// The same in milliseconds.
    public func milliseconds(atPercentile percentile: Double) -> Double? {
        microseconds(atPercentile: percentile).map { Double($0) / 1000 }
    }

    /// The longest latency; `nil` without deliveries.
    public var microsecondsMax: UInt64? { count == 0 ? nil : histogram.maxRecorded }

    /// Every recorded value in ascending order with its count; what ``Encodable`` writes.
    public var values: [(microseconds: UInt64, count: UInt64)] {
        histogram.recordedValues().map { (min($0.value, LatencyHistogram.microsecondsMax), $0.count) }
    }
}

extension LatencyHistogram: Equatable {
    public static func == (left: LatencyHistogram, right: LatencyHistogram) -> Bool {
        left.clampedLow == right.clampedLow && left.clampedHigh == right.clampedHigh
            && left.values.elementsEqual(right.values) { $0 == $1 }
    }
}

extension LatencyHistogram: Codable {
    private enum Key: String, CodingKey {
        case unit, clampedLow, clampedHigh, values
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        guard try container.decode(String.self, forKey: .unit) == "us" else {
            throw DecodingError.dataCorruptedError(forKey: .unit, in: container, debugDescription: "unit is not us")
        }
        for pair in try container.decode([[UInt64]].self, forKey: .values) {
            guard pair.count == 2, (1...LatencyHistogram.microsecondsMax).contains(pair[0]), pair[1] > 0 else {
                throw DecodingError.dataCorruptedError(
                    forKey: .values, in: container, debugDescription: "not a list of [value in us, count]")
            }
            record(microseconds: Int64(pair[0]), count: pair[1])
        }
        clampedLow = try container.decode(UInt64.self, forKey: .clampedLow)
        clampedHigh = try container.decode(UInt64.self, forKey: .clampedHigh)
    }

    /// `{"unit":"us","clampedLow":0,"clampedHigh":0,"values":[[value,count],…]}`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode("us", forKey: .unit)
        try container.encode(clampedLow, forKey: .clampedLow)
        try container.encode(clampedHigh, forKey: .clampedHigh)
        try container.encode(values.map { [$0.microseconds, $0.count] }, forKey: .values)
    }
}
