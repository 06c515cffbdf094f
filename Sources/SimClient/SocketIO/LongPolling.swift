internal import Wire

/// The requests of a client of Engine.IO that polls, one at a time on one connection, and how far the WebSocket is that is to
/// take over from them. No socket and no clock.
struct LongPolling: Sendable {
    enum Upgrade {
        case unwanted
        /// A WebSocket is being opened beside the polls.
        case probing
        /// The server knows it: it takes over as soon as no request is under way.
        case answered
    }

    private let endpoint: Endpoint
    /// Whether the client wants a WebSocket.
    let upgrades: Bool
    /// Names the session, once the server has opened it.
    private var sid: String?
    /// Of the answer that comes.
    private var body: [UInt8] = []
    private(set) var isPosting = false
    var upgrade = Upgrade.unwanted

    init(at endpoint: Endpoint, upgrades: Bool) {
        self.endpoint = endpoint
        self.upgrades = upgrades
    }

    private func path(_ transport: String) -> String {
        "/socket.io/?EIO=4&transport=\(transport)" + (sid.map { "&sid=\($0)" } ?? "")
    }

    mutating func opened(sid: String) { self.sid = sid }

    /// Asks for what the server has; first of all for a session.
    mutating func poll() -> [UInt8] {
        isPosting = false
        return RequestText.get(endpoint.path + path("polling"), to: endpoint)
    }

    /// - Parameter packets: with `\x1e` between them.
    mutating func post(_ packets: [UInt8]) -> [UInt8] {
        isPosting = true
        return RequestText.post(path("polling"), to: endpoint, type: "text/plain;charset=UTF-8", body: packets)
    }

    /// The request that makes another connection the session's WebSocket.
    func upgradeRequest() -> [UInt8] { SocketIOStream.request(to: endpoint, path("websocket")) }

    mutating func received(_ bytes: UnsafeRawBufferPointer) throws(SocketIOStream.Broken) {
        guard body.count + bytes.count <= SocketIOStream.messageBytesMax else { throw .noPacket }
        body += bytes
    }

    /// The body of the answer that is complete.
    mutating func takeBody() -> [UInt8] {
        defer { body = [] }
        return body
    }
}
