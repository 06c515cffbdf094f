import Testing
import Wire

@testable import Storage

@Suite struct TimestampTextTests {
    @Test(
        arguments: [
            0, 1, 951_782_399_999, 951_782_400_000, 1_709_164_800_000, 1_767_268_800_123, 4_107_542_399_999,
            253_402_300_799_999,
        ] as [Int64])
    func readsWhatIsWritten(milliseconds: Int64) {
        let text = Timestamp.text(millisecondsSinceEpoch: milliseconds)
        #expect(TimestampText.milliseconds(of: text) == milliseconds)
    }

    @Test(arguments: [
        "", "2026-01-01", "2026-13-01T00:00:00.000Z", "2026-02-29T00:00:00.000Z", "2026-01-01T24:00:00.000Z",
        "2026-01-01T00:60:00.000Z", "2026-01-01 00:00:00.000Z", "2026-01-01T00:00:00.000+", "1969-12-31T23:59:59.999Z",
        "2026-01-00T00:00:00.000Z", "2026-01-01T00:00:0a.000Z",
    ])
    func refusesEverythingElse(text: String) {
        #expect(TimestampText.milliseconds(of: text) == nil)
    }
}
