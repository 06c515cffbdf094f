import Logging
import Placement
import Testing

@testable import ServiceRuntime

@Suite struct LineLogTests {
    private func line(_ value: String) -> String {
        let event = LogEvent(
            level: .info, message: "taken", error: nil, metadata: nil, source: "", file: "", function: "", line: 0)
        return LineLogHandler.line(event, label: "t", metadata: ["a": "\(value)", "b": "2"], milliseconds: 0)
    }

    @Test(arguments: [
        ("word", "word"), ("two words", #""two words""#), ("", "\"\""), (#"say "x""#, #""say \"x\"""#),
        // With a backslash before the quotation mark, a value would end where the sender wants, and its rest be fields.
        (#"x\" b=9 c="y"#, #""x\\\" b=9 c=\"y""#), (#"a\"#, #""a\\""#), ("a\nb", #""a\u{a}b""#),
        ("a\u{85}b", #""a\u{85}b""#), ("\u{9B}2J", #""\u{9b}2J""#), ("a\u{2028}b", #""a\u{2028}b""#),
        ("a\u{202E}b", #""a\u{202e}b""#), ("a\u{A0}b=9", "\"a\u{A0}b=9\""), ("Zürich", "\"Zürich\""),
    ])
    func aValueForgesNoField(value: String, written: String) {
        #expect(line(value) == "1970-01-01T00:00:00.000Z info  t: taken a=\(written) b=2\n")
    }

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
