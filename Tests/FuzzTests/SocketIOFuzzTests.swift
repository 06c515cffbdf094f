import Placement
import SocketIO
import Testing
import Wire

@testable import SimClient

extension FuzzTests {
    private static let packetTokens = [
        "0", "1", "2", "3", "4", "5", "6", "51-", "510-", "511-", "-", "/", "/custom,", ",", "?", "[", "]", "{", "}",
        "\"",
        "\\u0000", "[\"message\"", "[\"connect\"]", "{\"_placeholder\":true,\"num\":0}", "18446744073709551616",
        "\u{1E}", "b",
        "bAQIDBA==", "é", "2probe", "3probe", "\u{0}",
    ]

    /// Frames of a WebSocket, whole and cut in pieces: the same messages, the same end, and never more kept than one
    /// message.
    @Test func webSockets() {
        fuzz("webSockets", tokens: ["\u{0}", "\u{7F}", "é"], make: { SocketIOSamples.webSocket(&$0) }) {
            meaning, input, random in
            let whole = SocketIOSamples.read([input])
            let cut = SocketIOSamples.read(random.pieces(of: input))
            guard whole == cut else { return .wrong("\(whole) and cut \(cut)") }
            if let meaning, whole != meaning { return .wrong("\(whole) and not \(meaning)") }
            if whole.keptMost > 2 * (SocketIOSamples.messageBytesMax + WebSocketFrame.headerMax) {
                return .wrong("\(whole.keptMost) bytes are kept")
            }
            return whole.violation == nil ? .accepted : .refused
        }
    }

    /// Bodies of posts: what is read is written the same way, and read again.
    @Test func socketIOPayloads() {
        fuzz("socketIOPayloads", tokens: Self.packetTokens, make: { SocketIOSamples.payload(&$0) }) {
            meaning, input, _ in
            let packets = EngineIOPayload.packets(input)
            if let meaning, packets != meaning { return .wrong("\(packets as Any) and not \(meaning)") }
            guard let packets else { return .refused }
            let again = EngineIOPayload.packets(EngineIOPayload.answer(packets.map(\.frame)))
            return again == packets ? .accepted : .wrong("\(packets), and written \(again as Any)")
        }
    }

    /// The texts of packets: what is read can be written and read again.
    @Test func socketIOPackets() {
        fuzz(
            "socketIOPackets", tokens: Self.packetTokens, make: { ((), Array($0.one(of: SocketIOSamples.texts).utf8)) }
        ) {
            _, input, _ in
            guard let (parsed, attachments) = try? SocketIOPacket.parse(input) else { return .refused }
            guard attachments <= SocketIOPacket.attachmentsMax else { return .wrong("\(attachments) attachments") }
            var packet = parsed
            packet.attachments = Array(repeating: [1], count: attachments)
            let again = try SocketIOPacket.parse(packet.encoded)
            packet.attachments = []
            guard again.0 == packet, again.attachments == attachments else { return .wrong("\(packet) and \(again)") }
            if packet.kind == .event || packet.kind == .binaryEvent, packet.event == nil { return .refused }
            return .accepted
        }
    }

    /// What a client sends on one connection: nothing is heard of a namespace that it has not joined, and an event has as
    /// many attachments as it announced.
    @Test func socketIOConnections() {
        fuzz("socketIOConnections", tokens: Self.packetTokens, make: { ((), SocketIOSamples.conversation(&$0)) }) {
            _, input, random in
            var connection = SocketIOConnection()
            for part in input.split(separator: 0x1E) {
                let isBinary = part.first == UInt8(ascii: "b")
                let packet = isBinary ? EngineIOPacket.binary(Array(part.dropFirst())) : .message(Array(part))
                let heard: SocketIOConnection.Input?
                do { heard = try connection.received(packet, bytesMax: 40) } catch { return .refused }
                switch heard {
                case .connect(let namespace, _):
                    if random.below(8) == 0 { connection.refuse(namespace) } else { _ = connection.accept(namespace) }
                case .event(let packet), .ack(let packet):
                    guard connection.hasJoined(packet.namespace) else { return .wrong("heard \(packet) too early") }
                    guard packet.attachments.count <= SocketIOPacket.attachmentsMax,
                        packet.attachments.reduce(0, { $0 + $1.count }) <= 40
                    else { return .wrong("\(packet.attachments.count) attachments") }
                case .disconnect(let namespace):
                    if connection.hasJoined(namespace) { return .wrong("\(namespace) is not left") }
                case nil: break
                }
            }
            return .accepted
        }
    }

    /// Steps of a session in any order: it ends once, a poll is answered at most once, nothing is sent after the end, and
    /// what waits keeps to its bound.
    @Test func engineIOSessions() {
        fuzz("engineIOSessions", tokens: ["\u{0}", "\u{1}\u{7}", "?"], make: { ((), SocketIOSamples.steps(&$0)) }) {
            _, input, _ in
            var steps = SessionSteps(isPolling: (input.first ?? 0) & 3 > 0)
            var rest = input.dropFirst()
            while let step = rest.popFirst() {
                if let problem = steps.take(step, rest.popFirst() ?? 0) { return .wrong(problem) }
            }
            return steps.session.isClosed ? .refused : .accepted
        }
    }

    /// What a server sends to a simulated viewer, whole and in pieces: the same frames of an event stream.
    @Test func socketIOViewers() {
        let tokens =
            Self.packetTokens + ["42[\"comment\",{},{\"channel\":\"video:v\"}]", "43", "{\"code\":\"elsewhere\"}"]
        fuzz("socketIOViewers", tokens: tokens, make: { ((), SocketIOSamples.served(&$0)) }) { _, input, random in
            var known = KnownPackets()
            let whole = SocketIOSamples.watched([input], &known)
            // The second viewer of the channel compares with what the first one got.
            for cut in [
                SocketIOSamples.watched(random.pieces(of: input), &known), SocketIOSamples.watched([input], &known),
            ]
            where cut != whole { return .wrong("\(whole), and another viewer \(cut)") }
            return whole.isBroken ? .refused : .accepted
        }
    }
}

private enum SocketIOSamples {
    static let messageBytesMax = 300

    struct Read: Equatable {
        var messages: [WebSocketDecoder.Message] = []
        var violation: WebSocketCloseCode?
        var keptMost = 0

        static func == (left: Self, right: Self) -> Bool {
            left.messages == right.messages && left.violation == right.violation
        }
    }

    static func read(_ pieces: [[UInt8]]) -> Read {
        var decoder = WebSocketDecoder(messageBytesMax: messageBytesMax)
        var read = Read()
        for piece in pieces {
            decoder.append(piece)
            do throws(WebSocketDecoder.Violation) {
                while let message = try decoder.next() { read.messages.append(message) }
            } catch { read.violation = read.violation ?? error.code }
            if pieces.count > 1 { read.keptMost = max(read.keptMost, decoder.bufferedBytes) }
        }
        return read
    }

    /// Messages of a client, some in fragments.
    static func webSocket(_ random: inout Xoshiro256) -> (Read, [UInt8]) {
        var (read, bytes) = (Read(), [UInt8]())
        for _ in 0...random.below(4) {
            let mask = UInt32(truncatingIfNeeded: random.next())
            let payload = (0..<random.below(random.below(4) == 0 ? messageBytesMax : 40)).map { _ in
                UInt8(random.below(128))
            }
            switch random.below(5) {
            case 0:
                let data = Array(payload.prefix(100))
                WebSocketFrame.append(.ping, data, mask: mask, to: &bytes)
                read.messages.append(.ping(data))
            case 1:
                WebSocketFrame.append(.binary, payload, mask: mask, to: &bytes)
                read.messages.append(.binary(payload))
            case 2:
                let cut = random.below(payload.count + 1)
                WebSocketFrame.append(.text, payload[..<cut], isFinal: false, mask: mask, to: &bytes)
                WebSocketFrame.append(.pong, [], mask: mask, to: &bytes)
                WebSocketFrame.append(.continuation, payload[cut...], mask: mask, to: &bytes)
                read.messages += [.pong([]), .text(payload)]
            default:
                WebSocketFrame.append(.text, payload, mask: mask, to: &bytes)
                read.messages.append(.text(payload))
            }
        }
        return (read, bytes)
    }

    static let texts = [
        #"2["message",1,"2",{"3":[true]}]"#, "0/custom,{}", #"52-/a,7["m",{"_placeholder":true,"num":0}]"#, "313[]",
        "0",
        #"0{"token":"123"}"#, "1/admin,", #"61-5["é\u00e9"]"#, #"2["subscribe",{"video":"v1","since":"17.k3f9"}]"#, "1",
    ]

    static func payload(_ random: inout Xoshiro256) -> ([EngineIOPacket], [UInt8]) {
        let packets = (0...random.below(4)).map { _ in packet(&random) }
        return (packets, EngineIOPayload.answer(packets.map(\.frame)))
    }

    static func packet(_ random: inout Xoshiro256) -> EngineIOPacket {
        switch random.below(8) {
        case 0: .close
        case 1: .ping(random.below(2) == 0 ? [] : Array("probe".utf8))
        case 2: .pong([])
        case 3: .upgrade
        case 4: .noop
        case 5: .binary((0...random.below(5)).map { _ in UInt8(random.below(256)) })
        default: .message(Array(random.one(of: texts).utf8))
        }
    }

    /// Messages with `\x1e` between them.
    static func conversation(_ random: inout Xoshiro256) -> [UInt8] {
        let events = [
            #"2["message",1]"#, #"27["message",{"a":[1]}]"#,
            #"51-["message",{"_placeholder":true,"num":0}]"# + "\u{1E}bxyz",
            "0/custom,{}", "1/custom,", #"2/custom,["message"]"#, "31[]",
        ]
        return Array(
            (["0"] + (0..<random.below(6)).map { _ in random.one(of: events) }).joined(separator: "\u{1E}").utf8)
    }

    /// A kind of session, then pairs of a step and the time that passes before it.
    static func steps(_ random: inout Xoshiro256) -> [UInt8] {
        [UInt8(random.below(256))]
            + (0..<random.below(30)).flatMap { _ in [UInt8(random.below(256)), UInt8(random.below(80))] }
    }

    struct Watched: Equatable {
        var frames: [UInt8] = []
        var replies: [UInt8] = []
        var location: String?
        var hasEnded = false
        var isBroken = false
    }

    static func watched(_ pieces: [[UInt8]], _ known: inout KnownPackets) -> Watched {
        var stream = SocketIOStream(ViewerSubscription(userid: "u", videoid: "v", since: "3.k3f9"), target: nil, &known)
        var watched = Watched()
        for piece in pieces where !watched.isBroken {
            do {
                let output = try piece.withUnsafeBytes { try stream.received($0, &known) }
                watched.frames += output.frames
                watched.replies += output.replies
                watched.location = output.location ?? watched.location
                watched.hasEnded = watched.hasEnded || output.hasEnded
            } catch {
                // What came before the fault in the same bytes is not told.
                return Watched(isBroken: true)
            }
        }
        return watched
    }

    /// What a Reader sends to a viewer.
    static func served(_ random: inout Xoshiro256) -> [UInt8] {
        let events = [
            #"42["comment",{"comment":"a","n":{"b":[1]}},{"channel":"video:v","position":"4.k3f9"}]"#,
            #"42["gap",{"from":4,"to":5},{"channel":"video:v","position":"5.k3f9"}]"#,
            #"42["viewers",{"count":2},{"channel":"video:v"}]"#, "2", "6",
            #"42["reconnect",{"reason":"draining","retry":300}]"#,
            #"42["reconnect",{"reason":"placement","instance":"r2","url":"http://127.0.0.1:1","hop":1}]"#,
        ]
        let texts =
            [#"0{"sid":"r1.abc"}"#, #"40{"sid":"x"}"#, #"430[{"position":"3.k3f9","recovered":true,"gap":false}]"#]
            + (0..<random.below(4)).map { _ in random.one(of: events) }
        return texts.flatMap { WebSocketFrame.text($0.utf8) }
    }
}

/// A session and what must hold of it.
private struct SessionSteps {
    private static let settings = {
        var settings = EngineIOSession.Settings()
        settings.pingInterval = 300_000_000
        settings.pingTimeout = 200_000_000
        settings.queuedBytesMax = 1_000
        return settings
    }()

    private(set) var session: EngineIOSession
    private var now: UInt64 = 0
    private var isPolled = false
    private var hasEnded = false

    init(isPolling: Bool) {
        session = EngineIOSession(isPolling ? .polling : .websocket, now: 0, Self.settings)
    }

    /// One step, after so many milliseconds; what is wrong with what follows.
    mutating func take(_ step: UInt8, _ milliseconds: UInt8) -> String? {
        now += UInt64(milliseconds) * 1_000_000
        let settings = Self.settings
        let packets: [EngineIOPacket] = [
            .open([]), .close, .ping([]), .ping(Array("probe".utf8)), .pong([]), .upgrade, .noop, .binary([1, 2]),
            .message([UInt8](repeating: 0x78, count: 50)),
        ]
        let packet = packets[Int(step >> 4) % packets.count]
        var actions: [EngineIOSession.Action] = []
        switch step & 15 {
        case 0, 1:
            do throws(EngineIOError) {
                actions = try session.polled()
                isPolled = true
            } catch { return nil }
        case 2:
            actions = session.pollAborted()
            isPolled = false
        case 3, 4:
            do throws(EngineIOError) {
                actions = try session.posted(packet.encoded, now: now, settings)
            } catch {
                // A refused post ends the session; its owner tells the poll that waits.
                (isPolled, hasEnded) = (session.isPolled, session.isClosed)
            }
        case 5 where session.phase == .websocket: actions = session.received(packet, now: now, settings)
        case 6: do throws(EngineIOError) { try session.probed(now: now, settings) } catch {}
        case 7: actions = session.probeReceived(packet, now: now, settings)
        case 8: session.probeEnded()
        case 9, 10, 11: actions = session.send(packet.frame, settings)
        default: actions = session.tick(now: now, settings)
        }
        guard !hasEnded || actions.allSatisfy({ $0 == .closeProbe }) else { return "\(actions) after the end" }
        for action in actions {
            switch action {
            case .answer:
                guard isPolled else { return "an answer without a poll" }
                isPolled = false
            case .closed: hasEnded = true
            default: break
            }
        }
        if session.queuedBytes > settings.queuedBytesMax + 64 { return "\(session.queuedBytes) bytes wait" }
        return session.isPolled == isPolled ? nil : "whether a poll waits is not known"
    }
}
