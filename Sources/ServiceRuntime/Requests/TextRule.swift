/// What text that people write may be.
struct TextRule {
    enum Problem: Equatable {
        case empty, tooLong, controlCharacter
    }

    /// Unicode scalars: what other languages call code points. The count of a text does not depend on the version of the
    /// Unicode tables, and one of them is at most four bytes, so that it bounds the size too.
    var charactersMax: Int

    /// Control characters are the general category Cc (U+0000-1F, U+007F-9F) without line feed and tab.
    func problem(of text: String) -> Problem? {
        var count = 0
        for scalar in text.unicodeScalars {
            count += 1
            if count > charactersMax { return .tooLong }
            switch scalar.value {
            case 0x0A, 0x09: break
            case 0..<0x20, 0x7F..<0xA0: return .controlCharacter
            default: break
            }
        }
        return count == 0 ? .empty : nil
    }
}
