import Fanout
import InMemory
import Placement
import Primitives
import ReaderPlacement
import ServiceRuntime
import SocketIO
import TestSupport
import Testing
import Wire

@testable import ReaderAPI

/// A Reader's Socket.IO with what the official protocol suites ask of a server: short times, the namespaces `/` and
/// `/custom`, and events that come back.
struct EchoReader: Sendable {
    let port: Int

    static let pingMilliseconds: UInt64 = 300

    /// - Parameters:
    ///   - pongMilliseconds: the suites' 200 where a client does not answer; else so long that a slow machine does no harm.
    ///   - connectTimeout: of a client that joins no namespace.
    static func with(
        pongMilliseconds: UInt64 = 60_000, connectTimeout: Duration = .seconds(60),
        _ body: @Sendable (EchoReader) async throws -> Void
    ) async throws {
        let settings = try ReaderSettings.read(
            environment: ["REDIS_URL": "redis://127.0.0.1:1", "HOST": "127.0.0.1", "PORT": "0", "INSTANCE_ID": "echo"])
        let address = ListeningAddress()
        let process = ServiceProcess(
            name: "ReaderAPI", server: settings.server, logger: address.logger, descriptorsMax: DescriptorLimit.raise())
        var hubSettings = HubSettings(loops: 2)
        hubSettings.sessions.pingInterval = pingMilliseconds * 1_000_000
        hubSettings.sessions.pingTimeout = pongMilliseconds * 1_000_000
        hubSettings.sessions.maxPayload = 1_000_000
        hubSettings.sessionConnectTimeout = connectTimeout
        let echo = Echo()
        let hub = try Hub(
            settings: hubSettings, broker: InMemoryBroker(), logger: quietLogger, sessionHandler: echo)
        echo.hub.withLock { $0 = hub }
        let placement = PlacementService(
            settings: settings.registry, id: "echo", session: process.session, metrics: process.metrics, capacity: 100
        ) { false }
        let quota = ConnectionQuota(settings.quota)
        let sessions = SocketIOSessions(
            hub: hub, inbox: SocketIOInbox(), instance: "echo", publicURL: nil, placement: placement, quota: quota,
            writes: settings.writes)
        let router = process.makeRouter()
        SocketIORoutes(hub: hub, sessions: sessions, quota: quota, drain: .zero).add(to: router)
        let assembly = ServiceAssembly(router: router, services: [HubService(hub: hub, drain: .zero)])
        try await RunningService.with(assembly, process, address) { try await body(EchoReader(port: $0.port)) }
        echo.hub.withLock { $0 = nil }
    }

    /// Sends back what comes, under the names that the suites expect.
    private final class Echo: SessionHandler {
        let hub = Mutex<Hub?>(nil)

        func received(_ input: SocketIOConnection.Input, from session: SessionID) -> Bool {
            guard let hub = hub.withLock({ $0 }) else { return true }
            switch input {
            case .connect(let namespace, let auth):
                guard ["/", "/custom"].contains(namespace) else {
                    hub.refuse(session, namespace: namespace, Array(#"{"message":"Invalid namespace"}"#.utf8))
                    return true
                }
                let said = auth.isEmpty ? Array("{}".utf8) : auth
                hub.accept(
                    session, namespace: namespace,
                    SocketIOPacket(.connect, namespace: namespace, data: Array(#"{"sid":"socket1"}"#.utf8)),
                    SocketIOPacket(event: "auth", namespace: namespace, [said]))
            case .event(var packet):
                guard let (name, arguments) = packet.event else { return true }
                let hasAck = name == "message-with-ack"
                let isBinary = !packet.attachments.isEmpty
                let values = arguments.map { Array($0) }
                packet.kind = hasAck ? (isBinary ? .binaryAck : .ack) : (isBinary ? .binaryEvent : .event)
                if hasAck {
                    packet.data = JSONText.array(values)
                } else {
                    packet.data = JSONText.array([JSONText.string("message-back")] + values)
                    packet.id = nil
                }
                hub.send(packet, to: session)
            case .ack, .disconnect: break
            }
            return true
        }

        func ended(_ session: SessionID) {}
    }
}

// MARK: Clients

extension EchoReader {
    func path(_ transport: String = "polling", sid: String? = nil, version: String? = "4") -> String {
        "/socket.io/?" + (version.map { "EIO=\($0)&" } ?? "") + "transport=\(transport)"
            + (sid.map { "&sid=\($0)" } ?? "")
    }

    func poll(_ sid: String) async throws -> HTTPAnswer { try await LoopbackHTTP.get(port: port, path(sid: sid)) }

    func post(_ sid: String, _ body: String) async throws -> HTTPAnswer {
        let headers = [("Content-Type", "text/plain;charset=UTF-8")]
        return try await LoopbackHTTP.exchange(
            port: port, RequestText.make("POST", path(sid: sid), headers: headers, body: Array(body.utf8)))
    }

    /// The id of a new session that polls.
    func open() async throws -> String {
        let answer = try await LoopbackHTTP.get(port: port, path())
        try #require(answer.status == 200, "\(answer.text)")
        let parts = answer.text.split(separator: "\"", omittingEmptySubsequences: false)
        return String(try #require(parts.dropFirst(3).first))
    }

    /// The same, in the main namespace.
    func openJoined() async throws -> String {
        let sid = try await open()
        #expect(try await post(sid, "40").status == 200)
        let packets = try await packets(sid, 2)
        #expect(packets == [#"40{"sid":"socket1"}"#, #"42["auth",{}]"#])
        return sid
    }

    /// The next packets of a session that polls; pings are answered and left out.
    func packets(_ sid: String, _ count: Int) async throws -> [String] {
        var packets: [String] = []
        while packets.count < count {
            let answer = try await poll(sid)
            try #require(answer.status == 200, "\(answer.text)")
            for packet in answer.text.split(separator: "\u{1E}").map(String.init) {
                if packet == "2" { _ = try await post(sid, "3") } else { packets.append(packet) }
            }
        }
        return packets
    }

    func webSocket(_ path: String? = nil) async throws -> WebSocketClient {
        try await WebSocketClient(port: port, path ?? self.path("websocket"))
    }

    /// A WebSocket in the main namespace.
    func joined() async throws -> WebSocketClient {
        let socket = try await webSocket()
        #expect(try await socket.text().hasPrefix(#"0{"sid":"echo."#))
        try await socket.send("40")
        #expect(try await socket.text() == #"40{"sid":"socket1"}"#)
        #expect(try await socket.text() == #"42["auth",{}]"#)
        return socket
    }
}
