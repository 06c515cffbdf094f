import Primitives
import SocketIO
import Testing

@testable import Fanout

/// Sessions of Socket.IO on a loop, in time that the test sets.
@Suite struct SessionLoopTests {
    private static let second: UInt64 = 1_000_000_000

    /// What polls were answered.
    private final class Answers: Sendable {
        private let texts = Mutex<[String]>([])

        var all: [String] { texts.withLock { $0 } }

        /// Of a request that is answered.
        func reply() -> SessionReply {
            SessionReply { result in
                guard case .success(let body) = result else { return }
                self.texts.withLock { $0.append(String(decoding: body, as: UTF8.self)) }
            }
        }
    }

    private let sockets = RecordingSockets()
    private let loop: FanoutLoop<RecordingSockets>

    init() {
        var settings = FanoutLoopSettings()
        // Nobody answers a ping here.
        settings.sessions.pingInterval = 1_000 * Self.second
        loop = sockets.makeLoop(settings)
    }

    private func tell(_ id: SessionID, _ command: SessionCommand) {
        loop.received(.session(id, command), sockets: sockets)
    }

    private func run(seconds: Double) {
        let end = sockets.now + UInt64(seconds * 1e9)
        while sockets.now < end {
            let tokens = sockets.takeTimers(until: min(sockets.now + Self.second / 10, end))
            for token in tokens { loop.timerFired(token, sockets: sockets) }
            _ = loop.pass(sockets: sockets)
        }
    }

    /// A session that polls, in the main namespace, whose next poll waits.
    private func joined(_ answers: Answers) -> SessionID {
        let id = SessionID()
        tell(id, .open(sid: "s", nil, SessionReply { _ in }))
        tell(id, .post(Array("40".utf8), SessionReply { _ in }))
        tell(id, .accept(namespace: "/", frames: SocketIOPacket(.connect).frames, nil))
        tell(id, .poll(SessionReply { _ in }))
        tell(id, .poll(answers.reply()))
        return id
    }

    // MARK: Clients that only open

    /// 10,000 that open a session and never join a namespace, and 10,000 after them: the second wave needs no more room
    /// than the first one did.
    @Test func handshakesWithoutAConnectLeaveNothingBehind() {
        for wave in 1...2 {
            for number in 0..<10_000 {
                let isPolling = number.isMultiple(of: 2)
                let opening =
                    isPolling
                    ? SessionCommand.open(sid: "s", nil, SessionReply { _ in })
                    : .adopt(sid: "s", descriptor: Int32(number), head: [], nil)
                tell(SessionID(), opening)
            }
            #expect(loop.sessions.all.count == 10_000)
            run(seconds: 44)
            #expect(sockets.report.endings.count == (wave - 1) * 10_000)
            run(seconds: 9)
            #expect(sockets.report.endings.count == wave * 10_000)
            #expect(sockets.report.endings.allSatisfy { $0 == .connectTimeout })
            #expect(loop.sessions.isEmpty && sockets.timers.isEmpty)
            #expect(loop.sessions.nextIndex < 10_000)
            var open = 0
            sockets.forEach { _ in open += 1 }
            #expect(open == 0)
        }
    }

    // MARK: Drain

    /// Clients that poll leave one after the other, as those with a WebSocket do.
    @Test func pollsEndOverTheTimeOfTheDrain() {
        let answers = Answers()
        for _ in 0..<100 { _ = joined(answers) }
        loop.received(.drain(seconds: 10, retryMillisecondsMax: 300), sockets: sockets)
        #expect(answers.all.isEmpty)
        run(seconds: 3)
        #expect((1...60).contains(answers.all.count), "\(answers.all.count) of 100 after 3 of 10 s")
        run(seconds: 8)
        #expect(answers.all.count == 100)
        #expect(answers.all.allSatisfy { $0.hasPrefix(#"42["reconnect",{"reason":"draining","retry":"#) })
        #expect(loop.sessions.isEmpty)
    }

    /// A client whose poll is answered meanwhile cannot come back with the next one.
    @Test func theLastAnswerOfADrainedPollSaysSo() {
        let answers = Answers()
        let id = joined(answers)
        loop.received(.drain(seconds: 1_000, retryMillisecondsMax: 300), sockets: sockets)
        tell(id, .send(SocketIOPacket(event: "e", []).frames))
        _ = loop.pass(sockets: sockets)
        let parts = answers.all.first?.split(separator: "\u{1E}") ?? []
        #expect(parts.first == #"42["e"]"# && parts.count == 2)
        #expect(parts.last?.hasPrefix(#"42["reconnect",{"reason":"draining","retry":"#) == true)
        #expect(loop.sessions.isEmpty && sockets.report.endings == [.drained])
    }
}
