import Primitives
import SocketLoop
import Testing

@testable import SimClient

/// A server of Socket.IO that has no WebSockets, and forgets the first sessions once they have subscribed.
private final class PollingServer: SocketLoopHandler {
    struct Seen: Sendable {
        var sessions = 0
        var upgrades = 0
        /// What was posted by the sessions that it does not forget.
        var posts: [String] = []
        /// Polls of those, beyond the answer to their subscription.
        var waiting = 0
    }

    final class SeenBox: Sendable {
        let value = Mutex(Seen())
    }

    private let forgotten: Int
    private let seen: SeenBox
    private var polls: [Int: Int] = [:]

    init(forgotten: Int, seen: SeenBox) {
        self.forgotten = forgotten
        self.seen = seen
    }

    func received(_ commands: [Int32], sockets: Sockets) {
        for descriptor in commands { _ = sockets.adopt(descriptor: descriptor) }
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {}

    /// A request comes in one piece: it is small.
    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        let text = String(decoding: bytes, as: UTF8.self)
        func answer(_ status: Int, _ body: String) {
            let answer = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            _ = sockets.send(Array(answer.utf8), to: socket)
        }
        let named = text.firstMatch(of: /sid=s([0-9]+)[^0-9]/)
        guard let session = named.flatMap({ Int($0.1) }) else {
            let session = seen.value.withLock { seen in
                seen.sessions += 1
                return seen.sessions
            }
            return answer(200, #"0{"sid":"s\#(session)","upgrades":["websocket"]}"#)
        }
        if text.contains("Upgrade: websocket") {
            seen.value.withLock { $0.upgrades += 1 }
            return answer(400, "{}")
        }
        if text.hasPrefix("POST ") {
            if session > forgotten {
                seen.value.withLock { $0.posts += text.split(separator: "\r\n\r\n").dropFirst().map(String.init) }
            }
            return answer(200, "ok")
        }
        polls[session, default: 0] += 1
        switch polls[session] {
        case 1: answer(200, #"40{"sid":"x"}"#)
        case 2: answer(200, #"430[{"position":"7.a","recovered":true,"gap":false}]"#)
        default:
            if session <= forgotten { return answer(400, #"{"code":1,"message":"Session ID unknown"}"#) }
            seen.value.withLock { $0.waiting += 1 }
        }
    }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct PollingTests {
    /// Viewers to whom a WebSocket is refused poll on, and open a new session when theirs is unknown.
    @Test(arguments: ["polling", "websocket-polling"]) func aViewerPollsAsLongAsItMust(transport: String) async throws {
        let seen = PollingServer.SeenBox()
        try await withListener(makeHandler: { PollingServer(forgotten: 3, seen: seen) }, adopt: { $0 }) { port in
            let url = "http://127.0.0.1:\(port)"
            let stage = try SwarmStage(
                SwarmCommand.parse([
                    "--readers", url, "--comment-api", url, "--streams", "1", "--viewers", "3", "--audience", "uniform",
                    "--publish", "none", "--transport", transport,
                ]))
            stage.start()
            let isWaiting = await Waiting.wait(seconds: 20) { seen.value.withLock { $0.waiting } == 3 }
            let tally = stage.viewerBoard.now.tally
            await stage.stop()
            #expect(isWaiting)
            let all = seen.value.withLock { $0 }
            #expect(all.sessions == 6)
            #expect(transport == "polling" ? all.upgrades == 0 : all.upgrades > 0)
            #expect(all.posts.filter { $0.hasPrefix("40{") }.count == 3)
            #expect(all.posts.filter { $0 == #"420["subscribe",{"video":"v1","since":"7.a"}]"# }.count == 3)
            #expect(tally.malformed == 0)
        }
    }
}
