import Testing
import Wire

@Suite struct JSONScannerTests {
    private func scan(_ text: String) throws -> JSONObject { try scan(Array(text.utf8)) }

    private func scan(_ bytes: [UInt8]) throws -> JSONObject {
        try bytes.withUnsafeBytes { try JSONScanner.object($0) }
    }

    private func kind(_ bytes: [UInt8]) -> JSONProblem.Kind? {
        do {
            _ = try scan(bytes)
            return nil
        } catch {
            return (error as? JSONProblem)?.kind
        }
    }

    @Test func flatObject() throws {
        let object = try scan(#" {"a":"x", "b" : -1.5e2,"c":true,"d":null,"e":[1,[]],"f":{"g":{}},"h":false} "#)
        let values: [JSONObject.Value?] = [
            .string("x"), .number(-150), .boolean(true), .null, .array([.number(1), .array([])]), .object,
            .boolean(false), nil,
        ]
        #expect("abcdefhz".map { object[String($0)] } == values)
        #expect(try scan("{}").members.isEmpty)
    }

    @Test func escapes() throws {
        let object = try scan(#"{"a":"\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00é😀"}"#)
        #expect(object["a"] == .string("\"\\/\u{8}\u{c}\n\r\tAé😀é😀"))
        #expect(try scan(#"{"\u0061":1}"#)["a"] == .number(1))
    }

    @Test(arguments: [
        "", " ", "[]", "\"a\"", "1", "null", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1}}",
        "{\"a\":1} x", "{'a':1}", "{a:1}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":tru}", "{\"a\":truee}", "{\"a\":nul}", "{\"a\":[1,]}", "{\"a\":[1}", "{\"a\":\"x}", "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\ud800\\u0041\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\n\"}", "{\"a\":\"\u{0}\"}", "{\"a\":1,\"a\":2}", "\u{FEFF}{}", "{\"a\":NaN}", "{\"a\":\"\\",
    ])
    func malformed(text: String) {
        #expect(kind(Array(text.utf8)) == .malformed)
    }

    @Test(
        arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) {
        for (start, end) in [("{\"a\":\"x", "y\"}"), ("{\"a\":\"\\n", "\"}")] {
            #expect(kind(Array(start.utf8) + bytes + Array(end.utf8)) == .invalidUTF8)
        }
    }

    @Test func depthAndMembersAreLimited() throws {
        let deep = "{\"a\":" + String(repeating: "[", count: 100_000)
        #expect(kind(Array(deep.utf8)) == .malformed)
        let fits = "{\"a\":" + String(repeating: "[", count: 31) + String(repeating: "]", count: 31) + "}"
        let nested = (0..<30).reduce(JSONObject.Value.array([])) { inner, _ in .array([inner]) }
        #expect(try scan(fits)["a"] == nested)
        let members = (0...JSONObject.membersMax).map { "\"m\($0)\":1" }.joined(separator: ",")
        #expect(kind(Array("{\(members)}".utf8)) == .malformed)
    }

    @Test func everyPrefixOfAnObjectIsRefused() {
        let whole = Array(#"{"userid":"u\u00e9","videoid":"v","n":-1.5e-3,"l":[true,{"x":null}],"comment":"é\n"}"#.utf8)
        #expect(kind(whole) == nil)
        for end in 0..<whole.count {
            #expect(kind(Array(whole[..<end])) != nil, "prefix of \(end) bytes")
        }
    }
}
