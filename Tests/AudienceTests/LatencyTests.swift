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
