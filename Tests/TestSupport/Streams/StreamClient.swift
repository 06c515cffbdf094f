public import Wire

/// A viewer of an event stream on the loopback. It reads only when it is asked to, so whoever never asks plays a viewer
/// that never reads.
public actor StreamClient {
    /// How a stream ended.
    public enum End: Equatable, Sendable {
        /// The last chunk came: a whole response.
        case complete
        /// The connection ended in the middle of the response.
        case cut
        case reset
    }

    public struct NothingCame: Error, CustomStringConvertible {
        public let waitedFor: String
        public let body: String
        public var description: String { "waited in vain for \(waitedFor); the body so far: \(body)" }
    }

    public struct Ended: Error, Equatable, CustomStringConvertible {
        public let end: End
        public let body: String
        public var description: String { "the stream ended (\(end)); the body was: \(body)" }
    }

    /// Seconds that everything is waited for unless a test says otherwise: more than a loaded machine needs.
    public static let patience = 30.0

    private let socket: LoopbackSocket
    private var response = ResponseParser()
    private var stream = EventStreamParser()
    private var events: [ServerSentEvent] = []
    private var taken = 0
    private var bodyBytes: [UInt8] = []
    private var end: End?

    /// Connects and sends `request`.
    ///
    /// - Parameter receiveBufferBytes: small for a viewer that shall be slow.
    public init(port: Int, _ request: [UInt8], receiveBufferBytes: Int? = nil) async throws {
        socket = try LoopbackSocket(port: port, receiveBufferBytes: receiveBufferBytes)
        try await send(request)
    }

    // MARK: Sending and leaving

    public func send(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        let deadline = ContinuousClock.now + .seconds(Self.patience)
        while !rest.isEmpty {
            rest = rest.dropFirst(try socket.send(rest))
            guard !rest.isEmpty else { return }
            guard ContinuousClock.now < deadline else { throw NothingCame(waitedFor: "room to send", body: body) }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    public func halfClose() { socket.halfClose() }
    public func close() { socket.close() }
    public func reset() { socket.reset() }
    /// See ``LoopbackSocket/vanish()``: `false` without the privilege for it.
    public func vanish() -> Bool { socket.vanish() }

    // MARK: Receiving

    public var body: String { String(decoding: bodyBytes, as: UTF8.self) }
    /// What the stream asked to wait before a reconnection.
    public var retryMilliseconds: Int? { stream.retryMilliseconds }
    public var allEvents: [ServerSentEvent] { events }

    public func head(within seconds: Double = patience) async throws -> ResponseHead {
        try await wait(for: "the response head", seconds) { response.head }
    }

    public func next(within seconds: Double = patience) async throws -> ServerSentEvent {
        let event = try await wait(for: "an event", seconds) { taken < events.count ? events[taken] : nil }
        taken += 1
        return event
    }

    /// The next comment; states that come before it are dropped.
    public func nextComment(within seconds: Double = patience) async throws -> ServerSentEvent {
        while true {
            let event = try await next(within: seconds)
            if event.name == "message" { return event }
        }
    }

    public func next(_ count: Int, within seconds: Double = patience) async throws -> [ServerSentEvent] {
        var found: [ServerSentEvent] = []
        for _ in 0..<count { found.append(try await next(within: seconds)) }
        return found
    }

    /// Whether no event comes for so long. For expectations that something is *not* sent.
    public func isSilent(for seconds: Double) async -> Bool {
        do {
            _ = try await next(within: seconds)
            return false
        } catch {
            return error is NothingCame
        }
    }

    /// Waits until the stream ends, dropping nothing: events that come meanwhile can be read afterwards.
    public func end(within seconds: Double = patience) async throws -> End {
        try await wait(for: "the end of the stream", seconds, endIsError: false) { end }
    }

    public func body(within seconds: Double = patience, where condition: (String) -> Bool) async throws -> String {
        try await wait(for: "a certain body", seconds) { condition(body) ? body : nil }
    }

    private func wait<Value>(
        for what: String, _ seconds: Double, endIsError: Bool = true, _ value: () -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var pause = Duration.milliseconds(1)
        while true {
            if let value = value() { return value }
            if let end, endIsError { throw Ended(end: end, body: body) }
            if try receive() { continue }
            if end != nil { continue }
            guard ContinuousClock.now < deadline else { throw NothingCame(waitedFor: what, body: body) }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(16))
        }
    }

    /// `false` when nothing is there to be read.
    private func receive() throws -> Bool {
        guard end == nil else { return false }
        switch socket.receive() {
        case .bytes(let bytes):
            let part = try response.feed(bytes)
            bodyBytes += part
            events += try stream.feed(part)
            if response.isComplete { end = .complete }
            return true
        case .nothing: return false
        case .end: end = .cut
        case .failed: end = .reset
        }
        return false
    }
}
