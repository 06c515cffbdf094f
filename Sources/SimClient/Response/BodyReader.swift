/// Finds the payload of a response body in bytes that come in any portions, without copying them.
///
/// A value of 16 bytes, since a swarm keeps one for each viewer.
struct BodyReader: Equatable, Sendable {
    private enum State: UInt8, Sendable {
        /// Payload until the peer closes. Final.
        case untilClose
        /// `remaining` bytes of payload, then `ended`.
        case counted
        /// Before the first digit of a chunk's size; then `size`.
        case sizeStart
        /// In the digits of a chunk's size; then `extensions` or `payload` or `trailer`.
        case size
        /// Behind the size up to the end of its line: what stands there is skipped.
        case extensions
        /// `remaining` bytes of a chunk; then `payloadEnd`.
        case payload
        /// The CRLF behind a chunk; then `sizeStart`.
        case payloadEnd
        /// At the start of a line behind the last chunk: an empty one ends the body, another is skipped.
        case trailer
        case trailerLine
        /// The body is complete. Final.
        case ended
    }

    private var state: State
    private var remaining = 0

    init(_ framing: ResponseHead.Framing) {
        switch framing {
        case .untilClose: state = .untilClose
        case .length(let length):
            state = length == 0 ? .ended : .counted
            remaining = length
        case .chunked: state = .sizeStart
        }
    }

    var hasEnded: Bool { state == .ended }

    /// The next run of payload in `bytes`, whose first `cursor` bytes are done; moves `cursor` behind it.
    ///
    /// `nil` when all bytes were taken, or the body has ended (`cursor` then stands behind its last byte).
    mutating func next(in bytes: UnsafeRawBufferPointer, from cursor: inout Int) throws(ResponseHead.Malformed)
        -> Range<Int>?
    {
        while cursor < bytes.count {
            switch state {
            case .ended:
                return nil
            case .untilClose:
                defer { cursor = bytes.count }
                return cursor..<bytes.count
            case .counted, .payload:
                return takePayload(in: bytes, from: &cursor)
            default:
                try take(bytes[cursor])
                cursor += 1
            }
        }
        return nil
    }

    private mutating func takePayload(in bytes: UnsafeRawBufferPointer, from cursor: inout Int) -> Range<Int> {
        let start = cursor
        let count = min(remaining, bytes.count - cursor)
        cursor += count
        remaining -= count
        if remaining == 0 { state = state == .payload ? .payloadEnd : .ended }
        return start..<cursor
    }

    private mutating func take(_ byte: UInt8) throws(ResponseHead.Malformed) {
        let isLineFeed = byte == UInt8(ascii: "\n")
        switch state {
        case .sizeStart:
            guard let digit = BodyReader.digit(byte) else { throw .chunkSize }
            remaining = digit
            state = .size
        case .size:
            if let digit = BodyReader.digit(byte) {
                // 2^40 is far over any chunk that is real, and far below an overflow.
                guard remaining < 1 << 40 else { throw .chunkSize }
                remaining = remaining << 4 | digit
            } else {
                guard byte == UInt8(ascii: "\r") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: " ") || isLineFeed
                else { throw .chunkSize }
                endSizeLine(if: isLineFeed)
            }
        case .extensions:
            endSizeLine(if: isLineFeed)
        case .payloadEnd:
            if isLineFeed { state = .sizeStart } else if byte != UInt8(ascii: "\r") { throw .chunkEnd }
        case .trailer:
            if isLineFeed { state = .ended } else if byte != UInt8(ascii: "\r") { state = .trailerLine }
        case .trailerLine:
            if isLineFeed { state = .trailer }
        case .untilClose, .counted, .payload, .ended:
            break
        }
    }

    private mutating func endSizeLine(if ends: Bool) {
        if ends { state = remaining == 0 ? .trailer : .payload } else { state = .extensions }
    }

    private static func digit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }
}
