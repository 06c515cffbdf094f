/// Percentiles in milliseconds, for reports; `nil` throughout when nothing was delivered.
public struct LatencySummary: Codable, Equatable, Sendable {
    public var p50: Double?
    public var p90: Double?
    public var p99: Double?
    public var p999: Double?
    public var max: Double?

    public init(_ histogram: LatencyHistogram) {
        p50 = histogram.milliseconds(atPercentile: 50)
        p90 = histogram.milliseconds(atPercentile: 90)
        p99 = histogram.milliseconds(atPercentile: 99)
        p999 = histogram.milliseconds(atPercentile: 99.9)
        max = histogram.microsecondsMax.map { Double($0) / 1000 }
    }
}
