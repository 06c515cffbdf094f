import Logging
import Placement
import Testing

@testable import ServiceRuntime

@Suite struct LineLogTests {
    @Test func lines() {
        let event = LogEvent(
            level: .info, message: "took\nforged line", metadata: nil, source: nil, file: "", function: "", line: 0)
        let line = LineLogHandler.line(
            event, label: "t-1",
            metadata: ["b": "two words", "a": "1", "c": "x\n2026 error", "d": "say \"hi\"", "e": ""], milliseconds: 0)
        #expect(
            line
                == #"1970-01-01T00:00:00.000Z info  t-1: took\u{a}forged line a=1 b="two words" c="x\u{a}2026 error" d="say \"hi\"" e="""#
                + "\n")
    }

    @Test func identity() {
        var generator = SplitMix64(seed: 1)
        let session = ProcessIdentity.makeSession(using: &generator)
        #expect(session.utf8.count == 13)
        #expect(session != ProcessIdentity.makeSession(using: &generator))
        #expect(!ProcessIdentity.instance.isEmpty)
    }
}
