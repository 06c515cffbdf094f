/// Reads one HTTP/1.1 response as its bytes come (RFC 9112, sections 4, 6 and 7.1). Pure.
struct ResponseParser {
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    private enum Phase {
        case head, chunkSize, chunk(Int), chunkEnd, trailer
        case fixed(Int)
        /// The body ends with the connection.
        case open
        case complete
    }

    private(set) var head: ResponseHead?
    private var phase = Phase.head
    private var waiting: [UInt8] = []

    /// The response has ended by its own account; not merely because the connection did.
    var isComplete: Bool { if case .complete = phase { true } else { false } }

    /// Takes the next bytes and returns what they hold of the body.
    mutating func feed(_ bytes: [UInt8]) throws -> [UInt8] {
        waiting += bytes
        var body: [UInt8] = []
        while try step(&body) {}
        return body
    }

    /// `false` when more bytes are needed.
    private mutating func step(_ body: inout [UInt8]) throws -> Bool {
        switch phase {
        case .head:
            guard let text = take(through: "\r\n\r\n") else { return false }
            try begin(text)
        case .chunkSize:
            guard let line = take(through: "\r\n") else { return false }
            guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else {
                throw Malformed(description: "chunk size '\(line)'")
            }
            phase = size == 0 ? .trailer : .chunk(size)
        case .chunk(let left):
            let taken = take(atMost: left, &body)
            phase = taken == left ? .chunkEnd : .chunk(left - taken)
            return taken == left
        case .chunkEnd:
            guard let rest = take(through: "\r\n") else { return false }
            guard rest.isEmpty else { throw Malformed(description: "a chunk is longer than its size") }
            phase = .chunkSize
        case .trailer:
            guard let line = take(through: "\r\n") else { return false }
            if line.isEmpty { phase = .complete }
        case .fixed(let left):
            let taken = take(atMost: left, &body)
            phase = taken == left ? .complete : .fixed(left - taken)
            return taken == left
        case .open: return take(atMost: .max, &body) > 0
        case .complete:
            guard waiting.isEmpty else { throw Malformed(description: "bytes behind the end of the response") }
            return false
        }
        return true
    }

    private mutating func begin(_ text: String) throws {
        guard let head = ResponseHead(text) else { throw Malformed(description: "response head '\(text)'") }
        if head.status == 100 { return }
        self.head = head
        if head["transfer-encoding"]?.lowercased() == "chunked" {
            phase = .chunkSize
        } else if let length = head["content-length"].flatMap({ Int($0) }) {
            phase = .fixed(length)
        } else {
            phase = head.status == 204 ? .complete : .open
        }
    }

    private mutating func take(through end: String) -> String? {
        guard let range = waiting.firstRange(of: Array(end.utf8)) else { return nil }
        defer { waiting.removeSubrange(..<range.upperBound) }
        return String(decoding: waiting[..<range.lowerBound], as: UTF8.self)
    }

    private mutating func take(atMost count: Int, _ body: inout [UInt8]) -> Int {
        let taken = min(count, waiting.count)
        body += waiting[..<taken]
        waiting.removeFirst(taken)
        return taken
    }
}

/// The status line and the headers of an HTTP/1.1 response.
public struct ResponseHead: Equatable, Sendable {
    public let status: Int
    /// Names in lower case, in the order in which they came.
    public let fields: [Field]

    public struct Field: Equatable, Sendable {
        public let name: String
        public let value: String
    }

    /// The head without its closing empty line; `nil` when it is none.
    init?(_ text: some StringProtocol) {
        // A CRLF is one character to Swift, whatever stands around it.
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = (lines.first ?? "").split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
        self.status = status
        fields = lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...]
            return Field(name: line[..<colon].lowercased(), value: String(value.drop { $0 == " " }))
        }
    }

    /// The value of the first header of this name, which is given in lower case.
    public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
}
