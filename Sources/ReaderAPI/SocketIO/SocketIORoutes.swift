import Fanout
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Primitives
import ServiceLifecycle
import ServiceRuntime
import SocketIO

/// `/socket.io/`: the requests of Engine.IO 4. A session is opened by a request without `sid`; polls and posts name it, and
/// so does the WebSocket that takes over.
struct SocketIORoutes: Sendable {
    let hub: Hub
    let sessions: SocketIOSessions
    let quota: ConnectionQuota
    /// Over how long a stopping Reader moves its clients elsewhere.
    let drain: Duration
    /// Sessions with a POST whose body is still coming.
    private let posting = PostingSessions()

    private static let version = "4"
    private static let connection = HTTPField.Name("Connection")
    private static let key = HTTPField.Name("Sec-WebSocket-Key")
    private static let webSocketVersion = HTTPField.Name("Sec-WebSocket-Version")

    init(hub: Hub, sessions: SocketIOSessions, quota: ConnectionQuota, drain: Duration) {
        self.hub = hub
        self.sessions = sessions
        self.quota = quota
        self.drain = drain
    }

    func add(to router: Router<ServiceContext>) {
        for method in [HTTPRequest.Method.get, .post, .put, .delete, .patch] {
            router.on("socket.io", method: method) { request, context in
                do throws(EngineIOError) {
                    return try await respond(request, context)
                } catch {
                    context.refused(.invalid("engineio_\(error.rawValue)", error.message))
                    return Self.refusal(error, of: request)
                }
            }
        }
    }

    private func respond(_ request: Request, _ context: ServiceContext) async throws(EngineIOError) -> Response {
        let query = request.uri.queryParameters
        guard query["EIO"] == Self.version[...] else { throw .unsupportedVersion }
        guard let name = query["transport"], let transport = EngineIOSession.Transport(rawValue: String(name)) else {
            throw .unknownTransport
        }
        var session: SessionID?
        if let sid = query["sid"] {
            session = sessions.session(String(sid))
            guard session != nil else { throw .unknownSession }
        }
        let isUpgrade = request.headers[.upgrade]?.lowercased() == "websocket"
        guard isUpgrade == (transport == .websocket), !isUpgrade || request.method == .get else {
            throw session == nil && request.method != .get ? .badHandshakeMethod : .badRequest
        }
        do { try context.requireAllowedOrigin(request) } catch { throw .forbidden }
        guard let session else {
            guard request.method == .get else { throw .badHandshakeMethod }
            return try await open(transport, request, context)
        }
        switch (transport, request.method) {
        case (.websocket, _): return try await upgrade(session, request, context)
        case (.polling, .get): return try await poll(session, context)
        case (.polling, .post): return try await post(session, request)
        default: throw .badRequest
        }
    }

    // MARK: Sessions

    private func open(
        _ transport: EngineIOSession.Transport, _ request: Request, _ context: ServiceContext
    ) async throws(EngineIOError) -> Response {
        let address = context.address(of: request)
        let head = transport == .websocket ? try Self.webSocketHead(request) : []
        let place: ConnectionQuota.Place?
        do {
            place = try quota.take(user: nil, address: address)
            try hub.mayOpenSession()
        } catch let error as APIError {
            return error.response(from: request, context: context)
        } catch {
            let refusal = error as? HubRefusal ?? .tooManyConnections
            return APIError.refused(refusal).response(from: request, context: context)
        }
        let lease = place.map { ViewerLease(holding: $0) }
        let session = SessionID()
        let sid = sessions.sid(of: session)
        sessions.opened(session, context.callerAccess, address: address, place: place)
        guard transport == .polling else {
            do {
                return try await takeSocket(context) {
                    hub.adopt(session, sid: sid, descriptor: $0, head: head, lease: lease)
                }
            } catch {
                sessions.forget(session)
                throw error
            }
        }
        let opening = await Self.reply { reply in
            // Refused: the reply is dropped, and so fails.
            do throws(HubRefusal) { try hub.open(session, sid: sid, lease: lease, reply) } catch {}
        }
        guard case .success(let body) = opening else {
            sessions.forget(session)
            return APIError.refused(.tooManyConnections).response(from: request, context: context)
        }
        return Self.text(body)
    }

    private func poll(_ session: SessionID, _ context: ServiceContext) async throws(EngineIOError) -> Response {
        // A server that stops waits for its requests, and so for every poll: the drain begins now, and not behind them.
        let answer = await withGracefulShutdownHandler {
            await context.channel.watchingClient(left: { [hub] in hub.abandonPoll(session) }) { hasLeft in
                await Self.reply { reply in
                    hub.poll(session, reply)
                    if hasLeft() { hub.abandonPoll(session) }
                }
            }
        } onGracefulShutdown: { [hub, drain] in
            hub.drain(over: drain)
        }
        return Self.text(try answer.get())
    }

    private func post(_ session: SessionID, _ request: Request) async throws(EngineIOError) -> Response {
        guard posting.begin(session) else {
            // Two posts at a time have no order.
            hub.close(session, .protocolError)
            throw .badRequest
        }
        defer { posting.end(session) }
        var body: [UInt8] = []
        do {
            try await request.streamBody(bytesMax: hub.settings.sessions.maxPayload) { body += $0.readableBytesView }
        } catch {
            hub.close(session, .protocolError)
            throw .badRequest
        }
        let content = body
        return Self.text(try await Self.reply { hub.post(session, content, $0) }.get())
    }

    private func upgrade(
        _ session: SessionID, _ request: Request, _ context: ServiceContext
    ) async throws(EngineIOError) -> Response {
        let head = try Self.webSocketHead(request)
        _ = try await Self.reply { hub.mayProbe(session, $0) }.get()
        return try await takeSocket(context) { hub.probe(session, descriptor: $0, head: head) }
    }

    // MARK: WebSocket

    private static func webSocketHead(_ request: Request) throws(EngineIOError) -> [UInt8] {
        guard let key, let webSocketVersion, request.headers[webSocketVersion] == WebSocketHandshake.version,
            let accept = request.headers[key].flatMap({ WebSocketHandshake.accept(key: $0) })
        else { throw .badRequest }
        return WebSocketHandshake.answer(accept: accept)
    }

    /// The answer is written by the loop that takes the socket: what the client sends after it comes there.
    private func takeSocket(
        _ context: ServiceContext, _ adopt: @escaping @Sendable (Int32) -> Void
    ) async throws(EngineIOError) -> Response {
        do {
            try await context.channel.detachSocket { descriptor, _ in adopt(descriptor) }
        } catch {
            context.logger.debug("a WebSocket's connection cannot be taken over", metadata: ["error": "\(error)"])
            throw .badRequest
        }
        // To a connection that is closed here.
        return Response(status: .switchingProtocols)
    }

    // MARK: Answers

    private static func reply(_ ask: (SessionReply) -> Void) async -> Result<[UInt8], EngineIOError> {
        await withCheckedContinuation { continuation in ask(SessionReply { continuation.resume(returning: $0) }) }
    }

    private static func text(_ body: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/plain; charset=UTF-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    private static func refusal(_ error: EngineIOError, of request: Request) -> Response {
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        // What follows a request to upgrade is not HTTP, or may not be.
        if request.headers[.upgrade] != nil { headers[.connection] = "close" }
        return Response(
            status: HTTPResponse.Status(code: error.status), headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(string: error.body)))
    }
}

/// Sessions of which the body of a POST is being read.
private final class PostingSessions: Sendable {
    private let sessions = Mutex<Set<SessionID>>([])

    func begin(_ session: SessionID) -> Bool { sessions.withLock { $0.insert(session).inserted } }

    func end(_ session: SessionID) { _ = sessions.withLock { $0.remove(session) } }
}
