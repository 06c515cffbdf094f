import Testing
import Wire

@Suite struct EventStreamParserTests {
    private func events(_ text: String) throws -> [ServerSentEvent] {
        var parser = EventStreamParser()
        return try parser.feed(Array(text.utf8))
    }

    /// The streams that WHATWG HTML, section 9.2.6, explains itself with.
    @Test func theExamplesOfTheStandard() throws {
        #expect(try events("data: YHOO\ndata: +2\ndata: 10\n\n") == [.init(data: "YHOO\n+2\n10")])
        #expect(
            try events(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n")
                == [.init(data: "first event", id: "1"), .init(data: "second event"), .init(data: " third event")])
        #expect(try events("data\n\ndata\ndata\n\ndata:") == [.init(data: ""), .init(data: "\n")])
    }

    @Test(arguments: ["\n", "\r\n", "\r"]) func everyLineEnd(end: String) throws {
        let text = "event: likes\ndata: 1\n\ndata: 2\n\n".replacing("\n", with: end)
        #expect(try events("\u{FEFF}" + text) == [.init(name: "likes", data: "1"), .init(data: "2")])
    }

    @Test func piecesOfAnySizeGiveTheSame() throws {
        let text = Array("id: 7.abc\r\ndata: a\r\n\r\n: beat\n\nretry: 250\ndata: b\n\n".utf8)
        var whole = EventStreamParser()
        let expected = try whole.feed(text)
        for cut in 0...text.count {
            var parser = EventStreamParser()
            #expect(try parser.feed(text[..<cut]) + parser.feed(text[cut...]) == expected, "cut at \(cut)")
            #expect(parser.retryMilliseconds == 250)
            #expect(parser.lastEventID == "7.abc")
        }
    }

    @Test func aNulInAnIdAndAForeignRetryAreIgnored() throws {
        var parser = EventStreamParser()
        _ = try parser.feed(Array("id: a\u{0}b\nretry: soon\ndata: x\n\n".utf8))
        #expect(parser.lastEventID == "")
        #expect(parser.retryMilliseconds == nil)
    }

    @Test func anEndlessLineIsAnError() {
        var parser = EventStreamParser(bytesMax: 10)
        #expect(throws: EventStreamParser.Oversized(bytesMax: 10)) { try parser.feed(Array("data: 12345".utf8)) }
    }
}
