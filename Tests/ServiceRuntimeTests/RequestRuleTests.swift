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

    @Test func textThatSpoilsTheTextAroundIt() {
        let rule = TextRule(charactersMax: 5_000)
        for scalar in 0x202A...0x202E as ClosedRange<UInt32> {
            #expect(rule.problem(of: "a\(Unicode.Scalar(scalar).map(String.init) ?? "")b") == .reordering)
        }
        // Isolates end with the text; marks that languages use are few in a row.
        for good in ["\u{2067}שלום\u{2069}", "ក្រុងព្រះសីហនុ", "Zalg\u{301}\u{302}\u{303}o", "👩‍👩‍👧‍👦", "\u{200F}x"] {
            #expect(rule.problem(of: good) == nil)
        }
        let marks = { (count: Int) in "a" + String(repeating: "\u{301}", count: count) }
        #expect(rule.problem(of: marks(30) + marks(30)) == nil)
        #expect(rule.problem(of: marks(31)) == .stacked && rule.problem(of: marks(2_000)) == .stacked)
        #expect(rule.problem(of: "a" + String(repeating: "\u{20DD}", count: 31)) == .stacked)
    }
}
