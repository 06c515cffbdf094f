/// Reads one JSON object (RFC 8259) strictly, in one pass over its bytes.
///
/// Foundation's decoder costs several times as much for the 100-byte bodies of `POST /comment`, and its errors do not tell
/// a missing member from invalid UTF-8. Beyond the RFC: names are unique, nesting and members are limited, and a lone
/// surrogate escape is an error, since it is no Unicode text.
public struct JSONScanner {
    public static let depthMax = 32

    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0

    private init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    /// The object that the bytes are.
    public static func object(_ bytes: UnsafeRawBufferPointer) throws(JSONProblem) -> JSONObject {
        var scanner = JSONScanner(bytes.assumingMemoryBound(to: UInt8.self))
        scanner.skipSpace()
        guard scanner.peek == UInt8(ascii: "{") else { throw scanner.malformed("the body must be a JSON object") }
        let object = try scanner.objectMembers(depth: 0)
        scanner.skipSpace()
        guard scanner.peek == nil else { throw scanner.malformed("something follows the JSON object") }
        return object
    }

    /// Where the elements of the array lie that the bytes are.
    public static func elements(_ bytes: UnsafeRawBufferPointer) throws(JSONProblem) -> [Range<Int>] {
        var scanner = JSONScanner(bytes.assumingMemoryBound(to: UInt8.self))
        scanner.skipSpace()
        guard scanner.peek == UInt8(ascii: "[") else { throw scanner.malformed("the text must be a JSON array") }
        var elements: [Range<Int>] = []
        _ = try scanner.array(depth: 0) { elements.append($0) }
        scanner.skipSpace()
        guard scanner.peek == nil else { throw scanner.malformed("something follows the JSON array") }
        return elements
    }

    /// The string that the bytes are.
    public static func string(_ bytes: UnsafeRawBufferPointer) throws(JSONProblem) -> String {
        var scanner = JSONScanner(bytes.assumingMemoryBound(to: UInt8.self))
        let string = try scanner.string()
        guard scanner.peek == nil else { throw scanner.malformed("something follows the JSON string") }
        return string
    }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private func malformed(_ sentence: String = "the body is not JSON") -> JSONProblem {
        JSONProblem(kind: .malformed, sentence: sentence, offset: index)
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func expect(_ byte: Unicode.Scalar) throws(JSONProblem) {
        guard peek == UInt8(ascii: byte) else { throw malformed() }
        index += 1
    }

    private mutating func objectMembers(depth: Int) throws(JSONProblem) -> JSONObject {
        guard depth < Self.depthMax else { throw malformed("the JSON is nested too deeply") }
        var object = JSONObject()
        index += 1
        skipSpace()
        if peek == UInt8(ascii: "}") {
            index += 1
            return object
        }
        while true {
            skipSpace()
            let name = try string()
            skipSpace()
            try expect(":")
            skipSpace()
            let value = try value(depth: depth)
            guard object[name] == nil else { throw malformed("a member of the JSON object is given twice") }
            guard object.members.count < JSONObject.membersMax else {
                throw malformed("the JSON object has too many members")
            }
            object.append(name, value)
            skipSpace()
            if peek == UInt8(ascii: "}") { break }
            try expect(",")
        }
        index += 1
        return object
    }

    private mutating func value(depth: Int) throws(JSONProblem) -> JSONObject.Value {
        switch peek {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"):
            _ = try objectMembers(depth: depth + 1)
            return .object
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case UInt8(ascii: "t"): return try literal("true", .boolean(true))
        case UInt8(ascii: "f"): return try literal("false", .boolean(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func array(
        depth: Int, element: (Range<Int>) -> Void = { _ in }
    ) throws(JSONProblem) -> [JSONObject.Value] {
        guard depth < Self.depthMax else { throw malformed("the JSON is nested too deeply") }
        var values: [JSONObject.Value] = []
        index += 1
        skipSpace()
        if peek == UInt8(ascii: "]") {
            index += 1
            return values
        }
        while true {
            skipSpace()
            let start = index
            values.append(try value(depth: depth))
            element(start..<index)
            skipSpace()
            if peek == UInt8(ascii: "]") { break }
            try expect(",")
        }
        index += 1
        return values
    }

    private mutating func literal(_ word: StaticString, _ value: JSONObject.Value) throws(JSONProblem)
        -> JSONObject.Value
    {
        let length = word.utf8CodeUnitCount
        let isThere = word.withUTF8Buffer { word in
            index + length <= bytes.count && (0..<length).allSatisfy { bytes[index + $0] == word[$0] }
        }
        guard isThere else { throw malformed() }
        index += length
        return value
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    private mutating func number() throws(JSONProblem) -> Double {
        let start = index
        if peek == UInt8(ascii: "-") { index += 1 }
        if peek == UInt8(ascii: "0") { index += 1 } else { try digits() }
        if peek == UInt8(ascii: ".") {
            index += 1
            try digits()
        }
        if let byte = peek, byte | 0x20 == UInt8(ascii: "e") {
            index += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { index += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        guard let number = Double(text) else { throw malformed() }
        return number
    }

    private mutating func digits() throws(JSONProblem) {
        let start = index
        while let byte = peek, byte >= 0x30, byte <= 0x39 { index += 1 }
        guard index > start else { throw malformed() }
    }

    private mutating func string() throws(JSONProblem) -> String {
        try expect("\"")
        let start = index
        var ascii: UInt8 = 0
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                let content = bytes[start..<index]
                index += 1
                return ascii < 0x80 ? String(decoding: content, as: UTF8.self) : try text(content)
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw malformed("a string of the JSON holds a raw control character")
            default:
                ascii |= byte
                index += 1
            }
        }
        throw malformed()
    }

    private func text(_ content: some Sequence<UInt8>) throws(JSONProblem) -> String {
        guard let text = String(validating: content, as: UTF8.self) else {
            throw JSONProblem(kind: .invalidUTF8, sentence: "the body is not valid UTF-8", offset: index)
        }
        return text
    }

    /// The rest of a string from its first escape on.
    private mutating func escapedString(from start: Int) throws(JSONProblem) -> String {
        var content = Array(bytes[start..<index])
        while let byte = peek {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return try text(content)
            case UInt8(ascii: "\\"): content.append(contentsOf: try escape())
            case 0..<0x20: throw malformed("a string of the JSON holds a raw control character")
            default: content.append(byte)
            }
        }
        throw malformed()
    }

    private mutating func escape() throws(JSONProblem) -> [UInt8] {
        guard let byte = peek else { throw malformed() }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(Character(try scalar())).utf8)
        default: throw malformed()
        }
    }

    /// The scalar of `\uXXXX`, or of the pair that a surrogate begins.
    private mutating func scalar() throws(JSONProblem) -> Unicode.Scalar {
        let unit = try codeUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard UTF16.isLeadSurrogate(unit), peek == UInt8(ascii: "\\") else {
            throw malformed("the JSON holds half a character")
        }
        index += 1
        try expect("u")
        let trail = try codeUnit()
        guard UTF16.isTrailSurrogate(trail) else { throw malformed("the JSON holds half a character") }
        return UTF16.decode(UTF16.EncodedScalar([unit, trail]))
    }

    private mutating func codeUnit() throws(JSONProblem) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw malformed() }
            unit = unit << 4 | UInt16(digit)
            index += 1
        }
        return unit
    }
}
