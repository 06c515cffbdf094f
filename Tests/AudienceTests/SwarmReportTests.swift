import Audience
import Foundation
import Placement
import Testing

@Suite struct LatencyTests {
    @Test func percentilesAreThoseOfTheSortedValues() throws {
        var draws = Xoshiro256(seed: 1)
        var histogram = LatencyHistogram()
        var values: [Int64] = []
        for _ in 0..<5000 {
            let value = Int64(draws.exponential(mean: 20_000)) + 1
            values.append(value)
            histogram.record(microseconds: value)
        }
        values.sort()
        for (percentile, rank) in [(50.0, 2500), (90, 4500), (99, 4950), (99.9, 4995)] {
            let exact = Double(values[rank - 1])
            let found = Double(try #require(histogram.microseconds(atPercentile: percentile)))
            #expect(abs(found - exact) <= exact * 0.002 + 1)
        }
        #expect(histogram.count == 5000 && histogram.microsecondsMax == UInt64(values[4999]))
    }

    @Test func whatLiesOutsideIsClampedAndCounted() {
        var histogram = LatencyHistogram()
        histogram.record(microseconds: -5)
        histogram.record(microseconds: 0, count: 2)
        histogram.record(microseconds: 1)
        histogram.record(microseconds: 3_600_000_000)
        histogram.record(microseconds: .max)
        #expect(histogram.count == 6 && histogram.clampedLow == 3)
        #expect(histogram.clampedHigh == 1 && histogram.microsecondsMax == 3_600_000_000)
        #expect(LatencyHistogram().microseconds(atPercentile: 50) == nil)
    }

    @Test func mergedPartsAreTheWhole() throws {
        var draws = Xoshiro256(seed: 2)
        var whole = LatencyHistogram()
        var parts = [LatencyHistogram(), LatencyHistogram(), LatencyHistogram()]
        for _ in 0..<3000 {
            let value = Int64(draws.exponential(mean: 5000)) - 10
            whole.record(microseconds: value)
            parts[draws.below(3)].record(microseconds: value)
        }
        var merged = LatencyHistogram()
        for part in parts {
            merged.merge(try JSONDecoder().decode(LatencyHistogram.self, from: JSONEncoder().encode(part)))
        }
        #expect(merged == whole)
        #expect(merged.clampedLow > 0)
        #expect(merged.microseconds(atPercentile: 99) == whole.microseconds(atPercentile: 99))
    }

    @Test(arguments: [
        #"{"unit":"ms","clampedLow":0,"clampedHigh":0,"values":[]}"#,
        #"{"unit":"us","clampedLow":0,"clampedHigh":0,"values":[[1]]}"#,
        #"{"unit":"us","clampedLow":0,"clampedHigh":0,"values":[[0,1]]}"#,
        #"{"unit":"us","clampedLow":0,"clampedHigh":0,"values":[[1,0]]}"#,
        #"{"unit":"us","clampedLow":0,"clampedHigh":0,"values":[[3600000001,1]]}"#,
    ])
    func badEncodingsAreRefused(json: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(LatencyHistogram.self, from: Data(json.utf8))
        }
    }
}

@Suite struct SwarmReportTests {
    func makeReport(shard: String, seed: UInt64 = 1, latency: Int64 = 1000, factor: Int = 1) throws -> SwarmReport {
        var histogram = LatencyHistogram()
        histogram.record(microseconds: latency, count: 10)
        var delivery = DeliveryCounts()
        delivery.delivered = 100 * factor
        delivery.expected = 101 * factor
        delivery.lost = factor
        delivery.gaps = 3 * factor
        return SwarmReport(
            parameters: .init(
                streams: 100, viewers: 2500, audience: .zipf(exponent: 1), seed: seed, rate: 50, durationSeconds: 20),
            shard: try Shard.parse(shard),
            viewers: .init(wanted: 10 * factor, connected: 9 * factor, failed: factor, connectSeconds: Double(factor)),
            publishing: .init(
                offered: 5 * factor, started: 4 * factor, acknowledged: 3 * factor, failed: factor, dropped: factor),
            delivery: delivery, latency: histogram, bytesReceived: 1000 * factor,
            process: .init(cpuSeconds: 1, loopBusyShare: 0.1 * Double(factor), residentBytesMax: 5 * factor),
            generatorLimited: factor > 1)
    }

    @Test func reportsAreReadBack() throws {
        let report = try makeReport(shard: "0/2")
        let read = try JSONDecoder().decode(SwarmReport.self, from: JSONEncoder().encode(report))
        #expect(read == report && read.version == 1 && read.latencyMilliseconds.p99 == 1)
    }

    @Test func mergingAddsAndTakesTheLarger() throws {
        let first = try makeReport(shard: "0/2")
        let second = try makeReport(shard: "1/2", latency: 9000, factor: 2)
        let merged = try SwarmReport.merged([first, second])
        #expect(merged == (try second.merged(with: first)))
        #expect(merged.shards.map(\.description) == ["0/2", "1/2"])
        #expect(merged.viewers == .init(wanted: 30, connected: 27, failed: 3, connectSeconds: 2))
        #expect(merged.publishing.offered == 15 && merged.delivery.delivered == 300)
        #expect(merged.delivery.gaps == 9 && merged.delivery.lost == 3 && merged.bytesReceived == 3000)
        #expect(merged.process == .init(cpuSeconds: 2, loopBusyShare: 0.2, residentBytesMax: 15))
        #expect(merged.generatorLimited && merged.latencyHistogram.count == 20)
        #expect(merged.latencyMilliseconds.p50 == 1 && merged.latencyMilliseconds.max == 9)
    }

    @Test func partsOfDifferentRunsDoNotMerge() throws {
        func code(_ reports: [SwarmReport]) -> SwarmReport.MergeError.Code? {
            do {
                _ = try SwarmReport.merged(reports)
                return nil
            } catch {
                return error.code
            }
        }
        let first = try makeReport(shard: "0/2")
        #expect(code([first, try makeReport(shard: "1/2", seed: 2)]) == .parametersDiffer)
        #expect(code([first, first]) == .shardTwice)
        #expect(code([first, try makeReport(shard: "1/3")]) == .shardTwice)
        #expect(code([]) == .nothingToMerge && code([first]) == nil)
    }
}
