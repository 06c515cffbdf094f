/// A whole response.
public struct HTTPAnswer: Equatable, Sendable {
    public let head: ResponseHead
    public let body: [UInt8]

    public var status: Int { head.status }
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// One request, one response, one connection.
public enum LoopbackHTTP {
    public struct NoAnswer: Error, CustomStringConvertible {
        public let description: String
    }

    /// Sends a request and waits for its response.
    public static func exchange(
        port: Int, _ request: [UInt8], within seconds: Double = StreamClient.patience
    ) async throws -> HTTPAnswer {
        let socket = try LoopbackSocket(port: port)
        var rest = request[...]
        var response = ResponseParser()
        var body: [UInt8] = []
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            // A server may answer, and close, before it has read everything.
            if !rest.isEmpty { rest = rest.dropFirst((try? socket.send(rest)) ?? rest.count) }
            switch socket.receive() {
            case .bytes(let bytes):
                body += try response.feed(bytes)
                if response.isComplete, let head = response.head { return HTTPAnswer(head: head, body: body) }
            case .nothing: try await Task.sleep(for: .milliseconds(1))
            case .end:
                guard let head = response.head else { throw NoAnswer(description: "the connection was closed") }
                return HTTPAnswer(head: head, body: body)
            case .failed(let code): throw NoAnswer(description: "the connection failed: error \(code)")
            }
        }
        throw NoAnswer(description: "no answer within \(seconds) s")
    }

    public static func get(port: Int, _ path: String, within seconds: Double = StreamClient.patience) async throws
        -> HTTPAnswer
    {
        try await exchange(port: port, RequestText.make("GET", path), within: seconds)
    }

    public static func post(
        port: Int, _ path: String, json: String, within seconds: Double = StreamClient.patience
    ) async throws -> HTTPAnswer {
        try await exchange(port: port, RequestText.post(path, json: json), within: seconds)
    }

    /// Sends the pieces one after the other, closes its half, and returns all that comes until the server closes too.
    public static func talk(port: Int, _ pieces: [[UInt8]], within seconds: Double = StreamClient.patience) async throws
        -> String
    {
        let socket = try LoopbackSocket(port: port)
        var received: [UInt8] = []
        var unsent = pieces.map { $0[...] }[...]
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if let piece = unsent.first {
                let rest = piece.dropFirst((try? socket.send(piece)) ?? piece.count)
                if rest.isEmpty { unsent.removeFirst() } else { unsent[unsent.startIndex] = rest }
                if unsent.isEmpty { socket.halfClose() }
            }
            switch socket.receive() {
            case .bytes(let bytes): received += bytes
            case .nothing: try await Task.sleep(for: .milliseconds(2))
            case .end: return String(decoding: received, as: UTF8.self)
            case .failed(let code): throw NoAnswer(description: "the connection failed: error \(code)")
            }
        }
        throw NoAnswer(description: "the server did not close within \(seconds) s")
    }
}
