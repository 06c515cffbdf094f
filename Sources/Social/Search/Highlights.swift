/// Where the words of a query stand in a text.
///
/// A word is a run of letters, digits and marks; letters match whatever their case. Offsets and lengths are UTF-16 code
/// units, as browsers count; nothing is put into the text.
public enum Highlights {
    /// Ranges of one text.
    public static let countMax = 100

    public struct Range: Equatable, Sendable {
        public var start: Int
        public var length: Int

        public init(start: Int, length: Int) {
            self.start = start
            self.length = length
        }
    }

    /// The words that a query asks for, small: not `or`, and not what a `-` stands before, a word or a phrase.
    public static func words(of query: String) -> Set<String> {
        var wanted = Set<String>()
        var isInQuotes = false
        var isExcluded = false
        var before: Unicode.Scalar = " "
        var word = String.UnicodeScalarView()
        func end() {
            let text = String(word).lowercased()
            if !text.isEmpty, !isExcluded, isInQuotes || text != "or" { wanted.insert(text) }
            word.removeAll()
        }
        for scalar in query.unicodeScalars {
            if isOfWord(scalar) {
                word.append(scalar)
            } else {
                end()
                if scalar == "\"" {
                    isInQuotes.toggle()
                    if !isInQuotes { isExcluded = false }
                } else if !isInQuotes {
                    if scalar == "-", before.properties.isWhitespace {
                        isExcluded = true
                    } else if scalar.properties.isWhitespace {
                        isExcluded = false
                    }
                }
            }
            before = scalar
        }
        end()
        return wanted
    }

    public static func ranges(of words: Set<String>, in text: String) -> [Range] {
        var ranges: [Range] = []
        var word = String.UnicodeScalarView()
        var start = 0
        var offset = 0
        func end() {
            if !word.isEmpty, words.contains(String(word).lowercased()), ranges.count < countMax {
                ranges.append(Range(start: start, length: offset - start))
            }
            word.removeAll(keepingCapacity: true)
        }
        for scalar in text.unicodeScalars {
            if isOfWord(scalar) {
                if word.isEmpty { start = offset }
                word.append(scalar)
            } else {
                end()
            }
            offset += scalar.value > 0xFFFF ? 2 : 1
        }
        end()
        return ranges
    }

    private static func isOfWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.properties.isAlphabetic || (0x30...0x39).contains(scalar.value) }
        if scalar.properties.isAlphabetic { return true }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber: return true
        default: return false
        }
    }
}
