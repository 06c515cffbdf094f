/// The text of a simulated comment: `<shard>.<number> t=<µs since 1970> lorem…`.
///
/// The publish time travels in the text, so that whoever receives the comment can say how long it took.
enum CommentText {
    /// With the members around the text, a frame then has about 150 bytes.
    static let bytesDefault = 30
    static let bytesMax = 2000

    private static let filler = Array(
        "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore ".utf8)

    /// The text, padded with words to `bytes` bytes (at least as many as the stamp needs, at most 2,000).
    static func text(shard: Int, number: Int, microseconds: Int64, bytes: Int) -> String {
        var text = Array("\(shard).\(number) t=\(microseconds)".utf8)
        let wanted = min(bytes, bytesMax)
        if text.count < wanted { text.append(UInt8(ascii: " ")) }
        while text.count < wanted {
            text.append(contentsOf: filler.prefix(wanted - text.count))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The publish time, in µs since 1970, of the comment in the JSON bytes of an event; `nil` when it carries none.
    ///
    /// No JSON is parsed: a comment's text is the first place behind `"comment":"`, and no id can contain a quote.
    static func publishMicroseconds(in bytes: UnsafeRawBufferPointer) -> Int64? {
        guard let member = find("\"comment\":\"", in: bytes, from: 0),
            let stamp = find(" t=", in: bytes, from: member)
        else { return nil }
        // Behind the start of the text stand only `<shard>.<number>`: a person's comment with " t=" is no stamp.
        guard stamp - member <= 40, bytes[member..<(stamp - 3)].allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ".") })
        else { return nil }
        return number(in: bytes, from: stamp)
    }

    private static func number(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int64? {
        var value: Int64 = 0
        var index = start
        while index < bytes.count, isDigit(bytes[index]), index - start < 18 {
            value = value * 10 + Int64(bytes[index] - UInt8(ascii: "0"))
            index += 1
        }
        return index > start ? value : nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    /// The index behind the first `pattern` at or after `start`.
    private static func find(_ pattern: StaticString, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        pattern.withUTF8Buffer { pattern in
            var index = start
            while index + pattern.count <= bytes.count {
                if bytes[index] == pattern[0],
                    UnsafeRawBufferPointer(rebasing: bytes[index..<(index + pattern.count)]).elementsEqual(pattern)
                {
                    return index + pattern.count
                }
                index += 1
            }
            return nil
        }
    }
}
