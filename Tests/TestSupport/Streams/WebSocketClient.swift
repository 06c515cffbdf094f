public import SocketIO

/// A WebSocket to a port of the loopback, one message at a time.
public final class WebSocketClient {
    /// The server answered something else than a WebSocket, or nothing.
    public struct Refused: Error, Equatable, CustomStringConvertible {
        public let description: String

        public init(description: String) {
            self.description = description
        }
    }

    private let socket: LoopbackSocket
    private var decoder = WebSocketDecoder(peerMasks: false, messageBytesMax: 1 << 24)
    private var waiting: [WebSocketDecoder.Message] = []
    /// The server has ended its half, or sent something that is no WebSocket.
    public private(set) var hasEnded = false
    /// The code with which it closed.
    public private(set) var closeCode: UInt16?

    public init(
        port: Int, _ path: String, headers: [(String, String)] = [], receiveBufferBytes: Int? = nil,
        isolation: isolated (any Actor)? = #isolation
    ) async throws {
        socket = try LoopbackSocket(port: port, receiveBufferBytes: receiveBufferBytes)
        let request = RequestText.make(
            "GET", path,
            headers: [
                ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ] + headers)
        try await send(raw: request)
        var head: [UInt8] = []
        let end = Array("\r\n\r\n".utf8)
        let isThere = await eventually(within: StreamClient.patience) {
            switch socket.receive() {
            case .bytes(let bytes): head += bytes
            case .nothing: break
            case .end, .failed: hasEnded = true
            }
            return hasEnded || head.firstRange(of: end) != nil
        }
        guard isThere, let range = head.firstRange(of: end), head.starts(with: Array("HTTP/1.1 101 ".utf8)) else {
            throw Refused(description: String(decoding: head, as: UTF8.self))
        }
        try take(Array(head[range.upperBound...]))
    }

    private func take(_ bytes: [UInt8]) throws {
        decoder.append(bytes)
        while let message = try decoder.next() {
            if case .close(let code) = message { closeCode = code } else { waiting.append(message) }
        }
    }

    // MARK: Sending

    public func send(raw bytes: [UInt8], isolation: isolated (any Actor)? = #isolation) async throws {
        var rest = bytes[...]
        let isSent = await eventually(within: StreamClient.patience) {
            rest = rest.dropFirst(try socket.send(rest))
            return rest.isEmpty
        }
        guard isSent else { throw Refused(description: "no room to send") }
    }

    public func send(_ text: String, isolation: isolated (any Actor)? = #isolation) async throws {
        try await send(.text, Array(text.utf8))
    }

    public func send(
        _ opcode: WebSocketOpcode, _ payload: [UInt8], isFinal: Bool = true,
        isolation: isolated (any Actor)? = #isolation
    ) async throws {
        var bytes: [UInt8] = []
        WebSocketFrame.append(opcode, payload, isFinal: isFinal, mask: 0x5AC3_0F91, to: &bytes)
        try await send(raw: bytes)
    }

    // MARK: Receiving

    /// The next message; throws when none comes in time, or the server ends before it.
    public func next(
        within seconds: Double = StreamClient.patience, isolation: isolated (any Actor)? = #isolation
    ) async throws -> WebSocketDecoder.Message {
        _ = await eventually(within: seconds) {
            try receive()
            return !waiting.isEmpty || hasEnded
        }
        guard !waiting.isEmpty else { throw Refused(description: hasEnded ? "the server has ended" : "nothing came") }
        return waiting.removeFirst()
    }

    /// The next text. Pings of Engine.IO are answered and left out, unless they are asked for.
    public func text(pings: Bool = false, isolation: isolated (any Actor)? = #isolation) async throws -> String {
        while true {
            let message = try await next()
            guard case .text(let bytes) = message else { throw Refused(description: "no text: \(message)") }
            let text = String(decoding: bytes, as: UTF8.self)
            guard text == "2", !pings else { return text }
            try await send("3")
        }
    }

    /// Waits until the server ends the connection. Whatever came before is thrown away.
    public func waitForEnd(isolation: isolated (any Actor)? = #isolation) async -> Bool {
        await eventually(within: StreamClient.patience) {
            try receive()
            return hasEnded
        }
    }

    private func receive() throws {
        guard !hasEnded else { return }
        switch socket.receive() {
        case .bytes(let bytes):
            do { try take(bytes) } catch {
                hasEnded = true
                throw error
            }
        case .nothing: break
        case .end, .failed: hasEnded = true
        }
    }

    public func close() { socket.close() }
}
