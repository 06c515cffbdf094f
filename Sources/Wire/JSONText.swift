/// Writes JSON with a fixed order of members, for the bytes that every viewer gets.
///
/// Foundation's encoder does not keep the order of members and costs several times as much; for everything that is
/// not per event, it is what Chorus uses.
public struct JSONText: Sendable {
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    public init(capacity: Int = 256) {
        bytes.reserveCapacity(capacity)
        bytes.append(UInt8(ascii: "{"))
    }

    public mutating func member(_ name: StaticString, _ value: String) {
        key(name)
        bytes.append(UInt8(ascii: "\""))
        escape(value)
        bytes.append(UInt8(ascii: "\""))
    }

    public mutating func member(_ name: StaticString, _ value: some BinaryInteger) {
        key(name)
        bytes.append(contentsOf: String(value).utf8)
    }

    public mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// A member whose value is already JSON.
    public mutating func member(_ name: StaticString, json value: some Sequence<UInt8>) {
        key(name)
        bytes.append(contentsOf: value)
    }

    /// One string, in its quotes.
    public static func string(_ value: String) -> [UInt8] {
        var text = JSONText(capacity: value.utf8.count + 8)
        text.bytes = [UInt8(ascii: "\"")]
        text.escape(value)
        text.bytes.append(UInt8(ascii: "\""))
        return text.bytes
    }

    /// Objects that are finished, as a list.
    public static func array(_ objects: [[UInt8]]) -> [UInt8] {
        [UInt8(ascii: "[")] + objects.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
    }

    /// Closes the object and returns its text.
    public consuming func finished() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private mutating func key(_ name: StaticString) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func escape(_ value: String) {
        var value = value
        value.withUTF8 { text in
            // Nearly every value has nothing to escape.
            guard text.contains(where: JSONText.mayNeedEscape) else { return bytes.append(contentsOf: text) }
            var index = 0
            while index < text.count {
                if let separator = JSONText.lineSeparator(text, at: index) {
                    bytes.append(contentsOf: separator.escape.utf8)
                    index += separator.length
                } else {
                    escape(text[index])
                    index += 1
                }
            }
        }
    }

    /// Besides ASCII: the first bytes of the line separators and of the C1 control characters.
    private static func mayNeedEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F || byte == 0xC2
            || byte == 0xE2
    }

    /// U+2028 and U+2029, and U+0080 to U+009F with U+0085 among them: JSON allows them, and clients that split a stream
    /// into lines by Unicode's rules (Python's `splitlines`) would cut a frame there.
    private static func lineSeparator(
        _ text: UnsafeBufferPointer<UInt8>, at index: Int
    ) -> (escape: String, length: Int)? {
        if text[index] == 0xE2, index + 2 < text.count, text[index + 1] == 0x80 {
            switch text[index + 2] {
            case 0xA8: return ("\\u2028", 3)
            case 0xA9: return ("\\u2029", 3)
            default: return nil
            }
        }
        guard text[index] == 0xC2, index + 1 < text.count, text[index + 1] < 0xA0 else { return nil }
        return ("\\u00" + String(text[index + 1], radix: 16), 2)
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
        case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
        case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
        case 0..<0x20, 0x7F:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(JSONText.hexadecimal[Int(byte >> 4)])
            bytes.append(JSONText.hexadecimal[Int(byte & 15)])
        default: bytes.append(byte)
        }
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)
}
