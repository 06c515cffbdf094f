import SocketIO
import Testing

@Suite struct EngineIOTests {
    typealias Session = EngineIOSession
    typealias Action = EngineIOSession.Action

    private static let millisecond: UInt64 = 1_000_000
    private static let settings = {
        var settings = Session.Settings()
        settings.pingInterval = 300 * millisecond
        settings.pingTimeout = 200 * millisecond
        settings.queuedBytesMax = 1_000
        return settings
    }()

    private let settings = Self.settings
    private let probe = Array("probe".utf8)

    private func polling() -> Session { Session(.polling, now: 0, settings) }

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func message(_ text: String) -> EngineIOPacket { .message(Array(text.utf8)) }

    @Test func packetsAndPayloadsReadAsTheyAreWritten() {
        let packets: [EngineIOPacket] = [
            .open([1]), .close, .ping([]), .ping(probe), .pong(probe), Self.message("hello"), .upgrade, .noop,
        ]
        for packet in packets { #expect(EngineIOPacket(text: packet.encoded) == packet) }
        for text in ["", "7", "a", "1x", "5 ", "6\n", "é"] { #expect(EngineIOPacket(text: text.utf8) == nil) }
        let payload = Self.text("4hello\u{1E}2\u{1E}bAQIDBA==")
        #expect(EngineIOPayload.packets(payload) == [Self.message("hello"), .ping([]), .binary([1, 2, 3, 4])])
        let frames = [
            Self.message("hello").frame + EngineIOPacket.ping([]).frame, EngineIOPacket.binary([1, 2, 3, 4]).frame,
        ]
        #expect(EngineIOPayload.answer(frames) == payload)
        for text in ["", "4a\u{1E}", "\u{1E}4a", "abc", "b***", "4a\u{1E}\u{1E}4b"] {
            #expect(EngineIOPayload.packets(Self.text(text)) == nil, "\(text)")
        }
        #expect(EngineIOPayload.packets([0x34, 0xC3, 0x28]) == nil)
        let many = [[UInt8]](repeating: [0x36], count: EngineIOPayload.packetsMax)
        #expect(EngineIOPayload.packets(Array(many.joined(separator: [0x1E])))?.count == many.count)
        #expect(EngineIOPayload.packets(Array((many + [[0x36]]).joined(separator: [0x1E]))) == nil)
    }

    @Test func theFirstPacketSaysWhatTheClientNeeds() throws {
        var text: [UInt8] = []
        WebSocketFrame.forEachMessage(in: Session.opening(sid: "r1.abc", .polling, Session.Settings())) { text += $1 }
        #expect(
            String(decoding: text, as: UTF8.self)
                == #"0{"sid":"r1.abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        )
    }

    // MARK: Polling

    @Test func aPollWaitsForWhatIsSent() throws {
        var session = polling()
        #expect(try session.polled() == [])
        #expect(session.send(Self.message("a").frame, settings) == [.answer(Self.text("4a"))])
        #expect(session.send(Self.message("b").frame, settings) == [])
        #expect(session.send(Self.message("c").frame, settings) == [])
        #expect(try session.polled() == [.answer(Self.text("4b\u{1E}4c"))])
        #expect(session.queuedBytes == 0)
    }

    @Test func aSecondPollIsAnErrorAndSoIsALeftOne() throws {
        var session = polling()
        #expect(try session.polled() == [])
        #expect(throws: EngineIOError.badRequest) { try session.polled() }
        #expect(session.close(.violation) == [.answer(Self.text("1")), .closed(.violation)])
        #expect(throws: EngineIOError.badRequest) { try session.polled() }
        var left = polling()
        #expect(try left.polled() == [])
        #expect(left.pollAborted() == [.closed(.client)])
        #expect(throws: EngineIOError.badRequest) { try left.posted(Self.text("4a"), now: 0, settings) }
    }

    @Test func aPostIsTakenInItsOrderAndAWrongOneRefused() throws {
        var session = polling()
        let actions = try session.posted(Self.text("4a\u{1E}bAQ==\u{1E}4b"), now: 0, settings)
        #expect(actions == [.received(Self.message("a")), .received(.binary([1])), .received(Self.message("b"))])
        #expect(throws: EngineIOError.badRequest) { try session.posted(Self.text("abc"), now: 0, settings) }
        #expect(throws: EngineIOError.badRequest) {
            try session.posted(Self.text("4a\u{1E}5\u{1E}4b"), now: 0, settings)
        }
        #expect(session.isClosed)
    }

    @Test func aCloseEndsTheWaitingPollWithANoop() throws {
        var session = polling()
        #expect(try session.polled() == [])
        let actions = try session.posted(Self.text("1\u{1E}4late"), now: 0, settings)
        #expect(actions == [.answer(Self.text("6")), .closed(.client)])
    }

    @Test func whatWaitsForAPollIsBounded() throws {
        var session = polling()
        let large = Self.message(String(repeating: "x", count: 600)).frame
        #expect(session.send(large, settings) == [])
        #expect(session.send(large, settings) == [.closed(.slowConsumer)])
        #expect(session.queuedBytes == 0)
        // One event may be larger: the client would be disconnected by it every time.
        var other = polling()
        #expect(other.send(Self.message(String(repeating: "x", count: 5_000)).frame, settings) == [])
    }

    // MARK: Heartbeat

    @Test func aPingIsSentAndWithoutItsPongTheSessionEnds() throws {
        var session = polling()
        var now = session.deadline
        #expect(now == 300 * Self.millisecond)
        #expect(session.tick(now: now - 1, settings) == [])
        #expect(try session.polled() == [])
        #expect(session.tick(now: now, settings) == [.answer(Self.text("2"))])
        #expect(session.deadline == 500 * Self.millisecond)
        #expect(try session.posted(Self.text("3"), now: now + 50 * Self.millisecond, settings) == [])
        #expect(session.deadline == 650 * Self.millisecond)
        now = session.deadline
        #expect(session.tick(now: now, settings) == [])
        #expect(session.tick(now: now + 199 * Self.millisecond, settings) == [])
        #expect(session.tick(now: now + 200 * Self.millisecond, settings) == [.closed(.pingTimeout)])
        #expect(session.tick(now: now + 900 * Self.millisecond, settings) == [])
    }

    /// A pong that nobody asked for moves nothing.
    @Test func onlyTheAnswerToAPingCounts() throws {
        var session = Session(.websocket, now: 0, settings)
        #expect(session.received(.pong([]), now: 100 * Self.millisecond, settings) == [])
        #expect(session.deadline == 300 * Self.millisecond)
        #expect(session.received(.ping([7]), now: 0, settings) == [.write(EngineIOPacket.pong([7]).frame)])
    }

    // MARK: Upgrade

    @Test func anUpgradeTakesWhatWaitsAlong() throws {
        var settings = settings
        settings.pingInterval = 100_000 * Self.millisecond
        var session = Session(.polling, now: 0, settings)
        #expect(try session.polled() == [])
        try session.probed(now: 0, settings)
        #expect(
            session.probeReceived(.ping(probe), now: 0, settings) == [
                .writeProbe(EngineIOPacket.pong(probe).frame), .answer(Self.text("6")),
            ])
        // A poll that comes all the same is ended every 100 ms.
        for turn in 1...3 {
            #expect(try session.polled() == [])
            #expect(session.deadline == UInt64(turn) * 100 * Self.millisecond)
            #expect(session.tick(now: session.deadline - 1, settings) == [])
            #expect(session.tick(now: session.deadline, settings) == [.answer(Self.text("6"))])
        }
        #expect(session.send(Self.message("a").frame, settings) == [])
        #expect(session.send(Self.message("b").frame, settings) == [])
        #expect(
            session.probeReceived(.upgrade, now: 0, settings) == [
                .upgraded, .write(Self.message("a").frame + Self.message("b").frame),
            ])
        #expect(session.phase == .websocket)
        #expect(session.send(Self.message("c").frame, settings) == [.write(Self.message("c").frame)])
        #expect(throws: EngineIOError.badRequest) { try session.polled() }
        #expect(throws: EngineIOError.badRequest) { try session.posted(Self.text("4a"), now: 0, settings) }
        #expect(throws: EngineIOError.badRequest) { try session.probed(now: 0, settings) }
    }

    @Test func aSessionIsProbedByOneConnectionAtATime() throws {
        var session = polling()
        try session.probed(now: 0, settings)
        #expect(throws: EngineIOError.badRequest) { try session.probed(now: 0, settings) }
        #expect(session.probeReceived(Self.message("no probe"), now: 0, settings) == [.closeProbe])
        #expect(session.phase == .polling)
        try session.probed(now: 0, settings)
        #expect(session.probeReceived(.upgrade, now: 0, settings) == [.closeProbe])
        try session.probed(now: 0, settings)
        session.probeEnded()
        #expect(session.send(Self.message("still here").frame, settings) == [])
        #expect(try session.polled() == [.answer(Self.text("4still here"))])
    }

    @Test func anUpgradeThatDoesNotComeIsGivenUp() throws {
        var settings = settings
        settings.pingInterval = 100_000 * Self.millisecond
        var session = Session(.polling, now: 0, settings)
        try session.probed(now: 0, settings)
        #expect(session.deadline == 10_000 * Self.millisecond)
        #expect(session.tick(now: session.deadline, settings) == [.closeProbe])
        #expect(session.phase == .polling)
    }
}
