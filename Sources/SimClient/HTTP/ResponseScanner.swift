/// What a client of ours needs from the head of an HTTP/1.1 response (RFC 9112).
struct ResponseHead: Equatable, Sendable {
    /// How the end of the body is found (RFC 9112, section 6.3).
    enum Framing: Equatable, Sendable {
        case chunked
        case length(Int)
        case untilClose
    }

    var status: Int
    var location: String?
    var retryAfterSeconds: Int?
    var framing = Framing.untilClose
    var keepsAlive = true
}

/// Reads one HTTP/1.1 response from bytes that come in any portions: the head is copied only if it was cut, the body is
/// handed on in place. Interim responses (1xx) are skipped; what follows 101 is the other protocol. 24 bytes, since a swarm
/// keeps one for each viewer.
struct ResponseScanner: Sendable {
    enum Malformed: Error, Equatable, Sendable {
        case statusLine
        case header
        case contentLength
        case headTooLong
        case chunkSize
        case chunkEnd
    }

    enum Part: Equatable, Sendable {
        case head(ResponseHead)
        /// Where payload stands in the bytes that were given.
        case body(Range<Int>)
    }

    private enum State: UInt8, Sendable {
        /// Up to the empty line behind the headers; then as the head says.
        case head
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

    static let headBytesMax = 16_384

    private var state = State.head
    private var remaining = 0
    /// The beginning of a head that was cut.
    private var held: [UInt8] = []

    /// Whether the head was read and the body is complete.
    var hasEnded: Bool { state == .ended }

    /// The next part of the response in `bytes`, whose first `cursor` bytes are done; moves `cursor` behind it.
    /// `nil` when more bytes are needed, or the response has ended.
    mutating func next(in bytes: UnsafeRawBufferPointer, from cursor: inout Int) throws(Malformed) -> Part? {
        while cursor < bytes.count {
            switch state {
            case .head:
                guard let head = try takeHead(in: bytes, from: &cursor) else { return nil }
                if head.status == 101 {
                    state = .untilClose
                    return .head(head)
                }
                if head.status < 200 { continue }
                switch head.framing {
                case .untilClose: state = .untilClose
                case .chunked: state = .sizeStart
                case .length(let length): (state, remaining) = (length == 0 ? .ended : .counted, length)
                }
                return .head(head)
            case .ended: return nil
            case .untilClose:
                defer { cursor = bytes.count }
                return .body(cursor..<bytes.count)
            case .counted, .payload:
                let start = cursor
                cursor += min(remaining, bytes.count - cursor)
                remaining -= cursor - start
                if remaining == 0 { state = state == .payload ? .payloadEnd : .ended }
                return .body(start..<cursor)
            default:
                try take(bytes[cursor])
                cursor += 1
            }
        }
        return nil
    }

    private mutating func takeHead(in bytes: UnsafeRawBufferPointer, from cursor: inout Int) throws(Malformed)
        -> ResponseHead?
    {
        if held.isEmpty, let end = bytes.frameEnd(from: cursor) {
            guard end - cursor <= ResponseScanner.headBytesMax else { throw .headTooLong }
            defer { cursor = end }
            return try ResponseHead(parsing: bytes.part(cursor..<end))
        }
        while cursor < bytes.count {
            let end = bytes.lineEnd(from: cursor)
            guard held.count + end - cursor <= ResponseScanner.headBytesMax else { throw .headTooLong }
            held.append(contentsOf: bytes[cursor..<end])
            cursor = end
            guard held.endsWithEmptyLine else { continue }
            let whole = held
            held = []
            let head = whole.withUnsafeBytes { bytes in
                Result { () throws(Malformed) in try ResponseHead(parsing: bytes) }
            }
            return try head.get()
        }
        return nil
    }

    /// A byte of the chunks' framing.
    private mutating func take(_ byte: UInt8) throws(Malformed) {
        let isLineFeed = byte == UInt8(ascii: "\n")
        switch state {
        case .sizeStart:
            guard let digit = byte.hexDigit else { throw .chunkSize }
            (state, remaining) = (.size, digit)
        case .size:
            if let digit = byte.hexDigit {
                // 2^40 is far over any chunk that is real, and far below an overflow.
                guard remaining < 1 << 40 else { throw .chunkSize }
                remaining = remaining << 4 | digit
            } else {
                guard isLineFeed || "\r; ".utf8.contains(byte) else { throw .chunkSize }
                endSizeLine(if: isLineFeed)
            }
        case .extensions: endSizeLine(if: isLineFeed)
        case .payloadEnd: if isLineFeed { state = .sizeStart } else if byte != UInt8(ascii: "\r") { throw .chunkEnd }
        case .trailer: if isLineFeed { state = .ended } else if byte != UInt8(ascii: "\r") { state = .trailerLine }
        case .trailerLine: if isLineFeed { state = .trailer }
        case .head, .untilClose, .counted, .payload, .ended: break
        }
    }

    private mutating func endSizeLine(if ends: Bool) {
        if ends { state = remaining == 0 ? .trailer : .payload } else { state = .extensions }
    }
}

// MARK: - The head

extension ResponseHead {
    /// Reads a whole head, up to and with its empty line. Lines end with CRLF; a lone LF is taken too.
    init(parsing bytes: UnsafeRawBufferPointer) throws(ResponseScanner.Malformed) {
        var end = bytes.lineEnd(from: 0)
        guard let (status, minor) = ResponseHead.status(of: bytes.part(0..<end).trimmed) else { throw .statusLine }
        self.init(status: status, keepsAlive: minor != UInt8(ascii: "0"))
        while end < bytes.count {
            let start = end
            end = bytes.lineEnd(from: start)
            let line = bytes.part(start..<end)
            if line.trimmed.isEmpty { continue }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":"), from: 0), colon > 0 else { throw .header }
            try take(name: line.part(0..<colon), value: line.part((colon + 1)..<line.count).trimmed)
        }
        if status == 204 || status == 304 { framing = .length(0) }
    }

    private mutating func take(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)
        throws(ResponseScanner.Malformed)
    {
        if name.isWord("content-length"), framing != .chunked {
            guard let length = value.number else { throw .contentLength }
            framing = .length(length)
        } else if name.isWord("transfer-encoding") {
            let last = value.suffix(7)
            if UnsafeRawBufferPointer(rebasing: last).isWord("chunked") { framing = .chunked }
        } else if name.isWord("connection") {
            for token in value.split(separator: UInt8(ascii: ",")) {
                let token = UnsafeRawBufferPointer(rebasing: token).trimmed
                if token.isWord("close") { keepsAlive = false } else if token.isWord("keep-alive") { keepsAlive = true }
            }
        } else if name.isWord("location") {
            location = String(decoding: value, as: UTF8.self)
        } else if name.isWord("retry-after") {
            // The other form, a date, counts as absent: our servers send seconds.
            retryAfterSeconds = value.number
        }
    }

    /// `HTTP/1.1 200 OK` → status and the digit of the minor version.
    private static func status(of line: UnsafeRawBufferPointer) -> (status: Int, minor: UInt8)? {
        guard line.count >= 12, line.starts(with: "HTTP/1.".utf8), line[8] == UInt8(ascii: " "),
            line.count == 12 || line[12] == UInt8(ascii: " "), let status = line.part(9..<12).number,
            (100...599).contains(status)
        else { return nil }
        return (status, line[7])
    }
}

extension UnsafeRawBufferPointer {
    /// Without spaces, tabs and line ends on both sides.
    fileprivate var trimmed: UnsafeRawBufferPointer {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else {
            return part(0..<0)
        }
        return part(first..<(last + 1))
    }

    /// Digits and nothing else.
    fileprivate var number: Int? {
        var index = 0
        return number(at: &index).flatMap { index == count ? $0 : nil }
    }

    /// Whether these are the letters of `word`, which is in lower case, in either case.
    fileprivate func isWord(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        return indices.allSatisfy { index in
            let byte = self[index]
            return (UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte) == word.utf8Start[index]
        }
    }
}

extension UInt8 {
    fileprivate var hexDigit: Int? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(self - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(self - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(self - UInt8(ascii: "A")) + 10
        default: nil
        }
    }
}
