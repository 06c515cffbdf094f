/// A connection whose bytes a test sends and sees as they are.
public final class RawConnection {
    public struct NothingCame: Error, CustomStringConvertible {
        public let description: String
    }

    private let socket: LoopbackSocket
    /// Everything that came so far.
    public private(set) var received = ""
    /// The server has ended its half, or reset the connection.
    public private(set) var hasEnded = false

    /// - Parameter receiveBufferBytes: small for a client that shall be slow.
    public init(port: Int, receiveBufferBytes: Int? = nil) throws {
        socket = try LoopbackSocket(port: port, receiveBufferBytes: receiveBufferBytes)
    }

    public func send(_ text: String, isolation: isolated (any Actor)? = #isolation) async throws {
        try await send(Array(text.utf8))
    }

    public func send(_ bytes: [UInt8], isolation: isolated (any Actor)? = #isolation) async throws {
        var rest = bytes[...]
        let isSent = await eventually(within: StreamClient.patience) {
            rest = rest.dropFirst(try socket.send(rest))
            return rest.isEmpty
        }
        guard isSent else { throw NothingCame(description: "no room to send") }
    }

    /// Waits until `text` came, and returns everything that has come.
    @discardableResult
    public func read(until text: String, isolation: isolated (any Actor)? = #isolation) async throws -> String {
        let isThere = await eventually(within: StreamClient.patience) {
            while take() {}
            return received.contains(text) || hasEnded
        }
        guard isThere, received.contains(text) else {
            throw NothingCame(description: "waited in vain for \(text); so far: \(received)")
        }
        return received
    }

    /// Waits until the server ends the connection, and returns everything that has come.
    @discardableResult
    public func readToEnd(isolation: isolated (any Actor)? = #isolation) async throws -> String {
        let isOver = await eventually(within: StreamClient.patience) {
            while take() {}
            return hasEnded
        }
        guard isOver else { throw NothingCame(description: "the server ended nothing; so far: \(received)") }
        return received
    }

    private func take() -> Bool {
        guard !hasEnded else { return false }
        switch socket.receive() {
        case .bytes(let bytes):
            received += String(decoding: bytes, as: UTF8.self)
            return true
        case .nothing: return false
        case .end, .failed:
            hasEnded = true
            return false
        }
    }

    public func halfClose() { socket.halfClose() }
    public func close() { socket.close() }
    public func reset() { socket.reset() }
}
