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

    public static func exchange(
        port: Int, _ request: [UInt8], within seconds: Double = StreamClient.patience
    ) async throws -> HTTPAnswer {
        var response = ResponseParser()
        var body: [UInt8] = []
        try await converse(port, [request], halfCloses: false, within: seconds) { bytes in
            body += try response.feed(bytes)
            return response.isComplete
        }
        guard let head = response.head else { throw NoAnswer(description: "the connection was closed") }
        return HTTPAnswer(head: head, body: body)
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
        var received: [UInt8] = []
        try await converse(port, pieces, halfCloses: true, within: seconds) { bytes in
            received += bytes
            return false
        }
        return String(decoding: received, as: UTF8.self)
    }

    /// Sends the pieces one after the other, and reads until `take` has enough or the server closes.
    private static func converse(
        _ port: Int, _ pieces: [[UInt8]], halfCloses: Bool, within seconds: Double, _ take: ([UInt8]) throws -> Bool
    ) async throws {
        let socket = try LoopbackSocket(port: port)
        var unsent = pieces.map { $0[...] }[...]
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if let piece = unsent.first {
                // A server may answer, and close, before it has read everything.
                let rest = piece.dropFirst((try? socket.send(piece)) ?? piece.count)
                if rest.isEmpty { unsent.removeFirst() } else { unsent[unsent.startIndex] = rest }
                if unsent.isEmpty, halfCloses { socket.halfClose() }
            }
            switch socket.receive() {
            case .bytes(let bytes): if try take(bytes) { return }
            case .nothing: try await Task.sleep(for: .milliseconds(1))
            case .end: return
            case .failed(let code): throw NoAnswer(description: "the connection failed: error \(code)")
            }
        }
        throw NoAnswer(description: "the server did not answer, or close, within \(seconds) s")
    }
}

/// HTTP/1.1 requests as bytes.
public enum RequestText {
    public static func make(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8]? = nil
    ) -> [UInt8] {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: test\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.count)\r\n" }
        return Array((text + "\r\n").utf8) + (body ?? [])
    }

    public static func post(_ path: String, json: String, headers: [(String, String)] = []) -> [UInt8] {
        make("POST", path, headers: [("Content-Type", "application/json")] + headers, body: Array(json.utf8))
    }

    /// `POST /connect` of one viewer of a video.
    public static func connect(user: String = "user1", video: String, headers: [(String, String)] = []) -> [UInt8] {
        post("/connect", json: #"{"userid":"\#(user)","videoid":"\#(video)"}"#, headers: headers)
    }

    public static func connect(query: String, headers: [(String, String)] = []) -> [UInt8] {
        make("GET", "/connect?" + query, headers: headers)
    }
}
