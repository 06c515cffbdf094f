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
    var framing: Framing = .untilClose
    var keepsAlive = true
}

extension ResponseHead {
    enum Malformed: Error, Equatable, Sendable {
        case statusLine
        case header
        case contentLength
        case headTooLong
        case chunkSize
        case chunkEnd
    }

    /// Reads a whole head, up to and with its empty line. Lines end with CRLF; a lone LF is taken too.
    init(parsing bytes: ArraySlice<UInt8>) throws(Malformed) {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            String(decoding: $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0, as: UTF8.self)
        }[...]
        guard let statusLine = lines.popFirst(), let (status, minor) = ResponseHead.status(of: statusLine) else {
            throw .statusLine
        }
        self.init(status: status, keepsAlive: minor == 1)
        for line in lines where !line.isEmpty {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { throw .header }
            try take(name: line[..<colon].lowercased(), value: ResponseHead.trimmed(line[line.index(after: colon)...]))
        }
        if status == 204 || status == 304 || status < 200 { framing = .length(0) }
    }

    private mutating func take(name: String, value: String) throws(Malformed) {
        switch name {
        case "location":
            location = value
        case "retry-after":
            // The other form, a date, counts as absent: our servers send seconds.
            retryAfterSeconds = Int(value).flatMap { $0 >= 0 ? $0 : nil }
        case "content-length" where framing != .chunked:
            guard let length = Int(value), length >= 0, value.utf8.first != UInt8(ascii: "+") else {
                throw .contentLength
            }
            framing = .length(length)
        case "transfer-encoding" where value.lowercased().hasSuffix("chunked"):
            framing = .chunked
        case "connection" where value.lowercased() == "close":
            keepsAlive = false
        default:
            break
        }
    }

    /// `HTTP/1.1 200 OK` → status and minor version.
    private static func status(of line: String) -> (status: Int, minor: Int)? {
        let bytes = Array(line.utf8)
        guard bytes.count >= 12, line.hasPrefix("HTTP/1."), bytes[8] == UInt8(ascii: " "),
            bytes.count == 12 || bytes[12] == UInt8(ascii: " "),
            let status = Int(String(decoding: bytes[9..<12], as: UTF8.self)), (100...599).contains(status)
        else { return nil }
        return (status, bytes[7] == UInt8(ascii: "0") ? 0 : 1)
    }

    private static func trimmed(_ text: Substring) -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let head = text.drop(while: isBlank)
        guard let last = head.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(head[...last])
    }
}
