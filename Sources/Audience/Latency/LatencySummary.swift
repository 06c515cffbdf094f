/// Percentiles in milliseconds, for reports; `nil` throughout when nothing was delivered.
public struct LatencySummary: Codable, Equatable, Sendable {
    public var p50: Double?
    public var p90: Double?
    public var p99: Double?
    public var p999: Double?
    public var max: Double?

    public init(_ histogram: LatencyHistogram) {
        func milliseconds(_ percentile: Double) -> Double? {
            histogram.microseconds(atPercentile: percentile).map { Double($0) / 1000 }
        }
        p50 = milliseconds(50)
        p90 = milliseconds(90)
        p99 = milliseconds(99)
        p999 = milliseconds(99.9)
        max = histogram.microsecondsMax.map { Double($0) / 1000 }
    }
}
