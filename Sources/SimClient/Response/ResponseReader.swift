/// Reads one HTTP/1.1 response from bytes that come in any portions.
///
/// The head is gathered in a small buffer that is given back as soon as the head is complete; the body is handed on in
/// place. Interim responses (1xx) are skipped.
struct ResponseReader: Sendable {
    static let headBytesMax = 16_384

    enum Part: Equatable, Sendable {
        case head(ResponseHead)
        /// Where payload stands in the bytes that were given.
        case body(Range<Int>)
    }

    private var head: [UInt8] = []
    private var body: BodyReader?

    /// Whether the head was read and the body is complete.
    var hasEnded: Bool { body?.hasEnded ?? false }
    var hasHead: Bool { body != nil }

    /// The next part of the response in `bytes`, whose first `cursor` bytes are done; moves `cursor` behind it.
    /// `nil` when more bytes are needed, or the response has ended.
    mutating func next(in bytes: UnsafeRawBufferPointer, from cursor: inout Int) throws(ResponseHead.Malformed) -> Part?
    {
        if body != nil { return try body?.next(in: bytes, from: &cursor).map(Part.body) }
        while let end = try takeHead(in: bytes, from: &cursor) {
            let parsed = try ResponseHead(parsing: head[..<end])
            head = []
            if parsed.status < 200 { continue }
            body = BodyReader(parsed.framing)
            return .head(parsed)
        }
        return nil
    }

    /// Moves bytes into the head's buffer; the head's length when its empty line was found.
    private mutating func takeHead(in bytes: UnsafeRawBufferPointer, from cursor: inout Int)
        throws(ResponseHead.Malformed) -> Int?
    {
        while cursor < bytes.count {
            let byte = bytes[cursor]
            cursor += 1
            guard head.count < ResponseReader.headBytesMax else { throw .headTooLong }
            head.append(byte)
            if byte == UInt8(ascii: "\n"), endsWithEmptyLine { return head.count }
        }
        return nil
    }

    private var endsWithEmptyLine: Bool {
        let count = head.count
        guard count >= 2 else { return false }
        if head[count - 2] == UInt8(ascii: "\n") { return true }
        return count >= 3 && head[count - 2] == UInt8(ascii: "\r") && head[count - 3] == UInt8(ascii: "\n")
    }
}
