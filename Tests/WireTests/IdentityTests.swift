import Testing
import Wire

@Suite struct IdentityTests {
    @Test(arguments: ["a", "video1", "A.b_c-d:e", String(repeating: "x", count: 128)])
    func goodIds(id: String) { #expect(Identifier.isValid(id)) }

    @Test(arguments: ["", " ", "a b", "a/b", "ä", "a\n", "{a}", String(repeating: "x", count: 129)])
    func badIds(id: String) { #expect(!Identifier.isValid(id)) }

    @Test func aChannelNamesItsKeys() throws {
        let channel = try #require(Channel.video("v:1"))
        #expect(channel.name == "video:v:1")
        #expect(channel.id == "v:1")
        #expect(channel.kind == .video)
        #expect(channel.historyKey == "history:{video:v:1}")
        #expect(Channel(name: channel.name) == channel)
        #expect(Channel(name: "probe:x") == nil)
        #expect(Channel(name: "video") == nil)
    }

    @Test func aPositionIsReadStrictly() {
        #expect(Position(parsing: "17.k3f9") == Position(offset: 17, epoch: "k3f9"))
        #expect(Position(parsing: "9007199254740991.k")?.offset == Position.offsetMax)
        // Any viewer may say the last two: whoever counts on from them must not overflow.
        for text in [
            "", "17", "17.", ".k", "-1.k", "+1.k", "1.k 9", "1.k.9", "99999999999999999999.k", "1.ü",
            "9007199254740992.k",
            "18446744073709551615.k",
        ] {
            #expect(Position(parsing: text) == nil, "\(text)")
        }
    }

    @Test func textIsEscapedSoThatNoCommentForgesAnEvent() {
        let comment = Comment(
            id: "1", userid: "u", videoid: "v", comment: "a\n\ndata: {\"x\":1}\r\u{7F}\u{1}\\", timestamp: "t")
        let text = String(decoding: comment.json(), as: UTF8.self)
        let escaped = #"a\n\ndata: {\"x\":1}\r\u007f\u0001\\"#
        #expect(text == #"{"userid":"u","videoid":"v","comment":""# + escaped + #"","timestamp":"t","id":"1"}"#)
        #expect(!comment.json().contains { $0 < 0x20 })
    }

    /// Python's `splitlines`, Java's `BufferedReader` of some libraries and others end a line where Unicode does.
    @Test(arguments: ["\u{2028}", "\u{2029}", "\u{85}", "\u{80}", "\u{9F}"])
    func noLineSeparatorOfUnicodeTravelsRaw(separator: Character) throws {
        var object = JSONText()
        object.member("text", "a\(separator)b\u{2027}\u{202A}ä\u{A0}\u{C3}")
        let text = String(decoding: object.finished(), as: UTF8.self)
        #expect(!text.contains(separator) && text.hasSuffix("b\u{2027}\u{202A}ä\u{A0}\u{C3}\"}"), "\(text)")
        let scalar = try #require(separator.unicodeScalars.first)
        let digits = String(scalar.value, radix: 16)
        #expect(text.contains("a\\u" + String(repeating: "0", count: 4 - digits.count) + digits + "b"))
    }

    @Test func timesOfTheCalendar() {
        #expect(Timestamp.text(millisecondsSinceEpoch: 0) == "1970-01-01T00:00:00.000Z")
        #expect(Timestamp.text(millisecondsSinceEpoch: 951_782_400_007) == "2000-02-29T00:00:00.007Z")
        #expect(Timestamp.text(millisecondsSinceEpoch: 1_767_268_800_000) == "2026-01-01T12:00:00.000Z")
    }
}
