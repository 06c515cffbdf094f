import Foundation
import Testing
import Wire

@Suite struct DurationHistogramTests {
    private func made(_ nanoseconds: [UInt64]) -> DurationHistogram {
        nanoseconds.reduce(into: DurationHistogram()) { $0.record(nanoseconds: $1) }
    }

    @Test func percentilesAreAFifthTooLargeAtMost() throws {
        for scale: UInt64 in [20_000, 7_000_000, 900_000_000] {
            let histogram = made((1...1_000).map { $0 * scale / 100 })
            for part in [0.01, 0.5, 0.9, 0.99, 0.999] {
                let exact = Double(UInt64((part * 1_000).rounded(.up)) * scale / 100) / 1e9
                let found = try #require(histogram.quantile(part))
                #expect(found >= max(exact, 1e-5) * 0.999 && found <= max(exact * 1.25, 1.001e-5), "\(scale) \(part)")
            }
            #expect(histogram.count == 1_000)
        }
        #expect(DurationHistogram().quantile(0.5) == nil)
        #expect(made([200_000_000_000]).quantile(0.5) == .infinity)
    }

    @Test func mergedIsAsIfMeasuredTogether() {
        let (one, other): ([UInt64], [UInt64]) = (
            [1_000, 5_000_000, 77_000_000_000], [12_345, 5_000_000, 500_000_000_000]
        )
        var merged = made(one)
        merged.add(made(other))
        merged.add(DurationHistogram())
        #expect(merged == made(one + other))
        #expect(merged.since(made(one)) == made(other))
        #expect(made(one).since(merged) == nil)
        #expect(made(one).since(DurationHistogram()) == made(one))
    }

    @Test func itCrossesAProcessBorder() throws {
        let histogram = made([1, 2_000_000, 2_000_001, 90_000_000_000])
        let json = try JSONEncoder().encode(histogram)
        #expect(json.count < 100)
        #expect(try JSONDecoder().decode(DurationHistogram.self, from: json) == histogram)
        for bad in [#"{"sum":1,"counts":{"999":1}}"#, #"{"sum":1,"counts":{"1":-1}}"#, #"{"counts":{}}"#] {
            #expect(throws: (any Error).self) {
                try JSONDecoder().decode(DurationHistogram.self, from: Data(bad.utf8))
            }
        }
    }

    @Test func timesAreReadAsTheyAreWritten() {
        for milliseconds: Int64 in [0, 951_782_399_999, 951_782_400_000, 1_709_164_800_123, 4_102_444_799_999] {
            let text = Timestamp.text(millisecondsSinceEpoch: milliseconds)
            #expect(Timestamp.milliseconds(utf8: text.utf8) == milliseconds, "\(text)")
        }
        for text in [
            "", "2026-01-01T00:00:00Z", "2026-13-01T00:00:00.000Z", "2026-01-01 00:00:00.000Z",
            "x026-01-01T00:00:00.000Z",
        ] {
            #expect(Timestamp.milliseconds(utf8: text.utf8) == nil, "\(text)")
        }
    }
}
