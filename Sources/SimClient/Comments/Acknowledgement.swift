internal import Wire

/// The place that CommentAPI gave to a comment, read from its answer.
enum Acknowledgement {
    /// The position in `{"success":true,"comment":{…,"offset":17,"epoch":"k3f9"}}`; `nil` when there is none.
    ///
    /// The members are looked for from the end, without parsing: this runs 20,000 times a second. In front of them only
    /// ids and our own text can stand, and none of these contains a quote.
    static func position(in body: [UInt8]) -> Position? {
        guard let offset = behindLast("\"offset\":", in: body), let epoch = behindLast("\"epoch\":\"", in: body) else {
            return nil
        }
        let digits = body[offset...].prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        let name = body[epoch...].prefix { $0 != UInt8(ascii: "\"") }
        return Position(parsing: String(decoding: digits + [UInt8(ascii: ".")] + name, as: UTF8.self))
    }

    private static func behindLast(_ pattern: StaticString, in bytes: [UInt8]) -> Int? {
        pattern.withUTF8Buffer { pattern in
            var start = bytes.count - pattern.count
            while start >= 0 {
                if bytes[start] == pattern[0], bytes[start..<(start + pattern.count)].elementsEqual(pattern) {
                    return start + pattern.count
                }
                start -= 1
            }
            return nil
        }
    }
}
