import Testing

@testable import ServiceRuntime

@Suite struct RequestRuleTests {
    @Test(arguments: [
        ("application/json", true), ("Application/JSON; charset=utf-8", true), ("application/json ;x=y", true),
        ("text/json", false), ("application/jsonx", false), ("application/x-www-form-urlencoded", false), ("", false),
    ])
    func mediaTypes(type: String, isJSON: Bool) {
        #expect(MediaTypeRule.isJSON(type) == isJSON)
        #expect(!MediaTypeRule.isJSON(nil))
    }

    @Test func textRule() {
        let rule = TextRule(charactersMax: 3)
        let texts = ["", "a\n\t", "😀😀😀", "😀😀😀😀", "e\u{301}e\u{301}"]
        #expect(texts.map { rule.problem(of: $0) } == [.empty, nil, nil, .tooLong, .tooLong])
        for bad in ["\r", "\u{0}", "\u{1B}", "\u{7F}", "\u{85}", "\u{9F}"] {
            #expect(rule.problem(of: bad) == .controlCharacter)
        }
    }
}
