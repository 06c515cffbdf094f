/// Encodes server-sent events (WHATWG HTML, section 9.2 "Server-sent events").
///
/// `data` handed to these functions must be one line: JSON text, in which every line break is escaped. That is the
/// property that keeps a comment from forging an event, and ``JSONText`` keeps it.
public enum EventStream {
    public static let mediaType = "text/event-stream"

    /// One frame: optional `id`, optional `event`, optional `retry`, one `data` line, and the blank line that ends it.
    public static func frame(
        data: some Collection<UInt8>, event: String? = nil, id: Position? = nil, retryMilliseconds: Int? = nil
    ) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(data.count + 64)
        if let id { frame.append(contentsOf: "id: \(id)\n".utf8) }
        if let event { frame.append(contentsOf: "event: \(event)\n".utf8) }
        if let retryMilliseconds { frame.append(contentsOf: "retry: \(retryMilliseconds)\n".utf8) }
        frame.append(contentsOf: "data: ".utf8)
        frame.append(contentsOf: data)
        frame.append(contentsOf: "\n\n".utf8)
        return frame
    }

    /// `event: reconnect`: the stream ends here, and the client is to come back after so long.
    ///
    /// - Parameter reason: an error code, which needs no quoting in JSON.
    public static func reconnect(reason: String, retryMilliseconds: Int) -> [UInt8] {
        frame(
            data: Array("{\"reason\":\"\(reason)\"}".utf8), event: "reconnect", retryMilliseconds: retryMilliseconds)
    }

    /// A comment line: it keeps proxies and phones from closing a silent connection, and clients drop it.
    public static let heartbeat: [UInt8] = Array(":\n\n".utf8)
}

/// One event as a client sees it.
public struct ServerSentEvent: Equatable, Sendable {
    /// The event's name; `message` when the stream named none.
    public var name: String
    /// The `data` lines, joined by line feeds.
    public var data: String
    /// The last event id that the stream has set so far; empty when none.
    public var id: String

    public init(name: String = "message", data: String, id: String = "") {
        self.name = name
        self.data = data
        self.id = id
    }
}

/// Reads an event stream as its bytes come (WHATWG HTML, section 9.2.6 "Interpreting an event stream").
///
/// Lines end with LF, CRLF or CR; one leading byte order mark is skipped; a NUL in an id makes the id be ignored.
/// What is buffered is bounded: a line or an event over `bytesMax` is an error, not a growing buffer.
public struct EventStreamParser: Sendable {
    public struct Oversized: Error, Equatable {
        public let bytesMax: Int

        public init(bytesMax: Int) {
            self.bytesMax = bytesMax
        }
    }

    public let bytesMax: Int
    /// The reconnection time that the stream asked for last, in milliseconds.
    public private(set) var retryMilliseconds: Int?
    /// What a client sends as `Last-Event-ID` when it reconnects.
    public private(set) var lastEventID = ""

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var name = ""
    private var afterCarriageReturn = false
    private var atStart = true

    public init(bytesMax: Int = 1 << 20) {
        self.bytesMax = bytesMax
    }

    /// Takes the next bytes and returns the events that they complete.
    public mutating func feed(_ bytes: some Sequence<UInt8>) throws(Oversized) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            if afterCarriageReturn {
                afterCarriageReturn = false
                if byte == UInt8(ascii: "\n") { continue }
            }
            switch byte {
            case UInt8(ascii: "\r"), UInt8(ascii: "\n"):
                afterCarriageReturn = byte == UInt8(ascii: "\r")
                if let event = endLine() { events.append(event) }
            default:
                guard line.count + data.count < bytesMax else { throw Oversized(bytesMax: bytesMax) }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        if atStart {
            atStart = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        if line.isEmpty { return dispatch() }
        guard line[0] != UInt8(ascii: ":") else { return nil }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = colon < line.endIndex ? line[(colon + 1)...] : []
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        take(field: String(decoding: line[..<colon], as: UTF8.self), value: value)
        return nil
    }

    private mutating func take(field: String, value: ArraySlice<UInt8>) {
        switch field {
        case "data":
            if hasData { data.append(UInt8(ascii: "\n")) }
            hasData = true
            data.append(contentsOf: value)
        case "event": name = String(decoding: value, as: UTF8.self)
        case "id" where !value.contains(0): lastEventID = String(decoding: value, as: UTF8.self)
        case "retry" where !value.isEmpty && value.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }:
            retryMilliseconds = Int(String(decoding: value, as: UTF8.self)) ?? retryMilliseconds
        default: break
        }
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            data.removeAll(keepingCapacity: true)
            hasData = false
            name = ""
        }
        guard hasData else { return nil }
        return ServerSentEvent(
            name: name.isEmpty ? "message" : name, data: String(decoding: data, as: UTF8.self), id: lastEventID)
    }
}
