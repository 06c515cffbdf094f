internal import SocketIO
internal import Wire

/// What a viewer follows, and where it was.
struct ViewerSubscription: Equatable, Sendable {
    var userid: String
    var videoid: String
    /// The position of its last event.
    var since: String?
}

/// One viewer's Socket.IO, seen as an event stream: bytes of a WebSocket or bodies of polls come in, and the frames go out
/// that a stream would have brought, with what has to be sent back. No socket and no clock.
struct SocketIOStream: Sendable {
    struct Output: Equatable {
        /// Of an event stream: `connected`, comments, gaps, states.
        var frames: [UInt8] = []
        /// For the server: masked frames, or the next request of a client that polls.
        var replies: [UInt8] = []
        /// A WebSocket is to be opened beside the polls.
        var opensWebSocket = false
        /// The replies are for that WebSocket, which is the connection from now on.
        var hasUpgraded = false
        /// The Reader that placement names.
        var location: String?
        /// The server ended the connection.
        var hasEnded = false
    }

    enum Broken: Error, Equatable {
        case refused(String)
        case noPacket
    }

    static let path = "/socket.io/?EIO=4&transport=websocket"
    static let messageBytesMax = 1 << 20
    /// Masks are for proxies that are none of ours; any key will do.
    private static let mask: UInt32 = 0x5AC3_0F91
    /// Between the packets of a request's body.
    private static let separator: UInt8 = 0x1E
    private static let key = "Y2hvcnVzIHNpbWNsaWVudA=="

    private let subscription: ViewerSubscription
    /// How often placement has sent this viewer on.
    private let hops: Int
    /// The Reader that could not be reached before.
    private let avoided: Endpoint?
    private var decoder = WebSocketDecoder(peerMasks: false, messageBytesMax: messageBytesMax)
    /// The channel's log of known packets, and the place behind the last one that came.
    private let log: Int
    private var place: Int
    private var hasEnded = false
    /// As long as the viewer polls.
    private var polling: LongPolling?

    /// - Parameters:
    ///   - target: where placement led, with the count of its hops.
    ///   - polling: of a viewer that begins with polls.
    init(
        _ subscription: ViewerSubscription, target: String?, avoiding avoided: Endpoint? = nil,
        polling: LongPolling? = nil, _ known: inout KnownPackets
    ) {
        self.subscription = subscription
        self.polling = polling
        self.avoided = avoided
        log = known.log(of: subscription.videoid)
        place = known.end(of: log)
        hops = target?.split(separator: "&").last.flatMap { Int($0.dropFirst("hop=".count)) } ?? 0
    }

    var isPolling: Bool { polling != nil }

    /// The first request: a poll, or one that makes the connection a WebSocket.
    mutating func firstRequest(to endpoint: Endpoint) -> [UInt8] {
        polling?.poll() ?? Self.request(to: endpoint, Self.path)
    }

    static func request(to endpoint: Endpoint, _ path: String) -> [UInt8] {
        RequestText.get(
            endpoint.path + path, to: endpoint,
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(key)\r\n")
    }

    /// Bytes of the WebSocket, or of the answer to a poll.
    ///
    /// - Parameter known: of all viewers.
    mutating func received(_ bytes: UnsafeRawBufferPointer, _ known: inout KnownPackets) throws -> Output {
        var output = Output(hasEnded: hasEnded)
        guard !hasEnded else { return output }
        guard polling == nil else {
            try polling?.received(bytes)
            return output
        }
        let cursor = decoder.bufferedBytes > 0 ? 0 : known.take(bytes, log, &place, &output.frames)
        guard cursor < bytes.count else { return output }
        decoder.append(bytes[cursor...])
        while !output.hasEnded, let message = try decoder.next() {
            switch message {
            case .text(let text) where text.starts(with: #"42[""#.utf8):
                let before = output.frames.count
                try take(text, &output)
                guard output.frames.count > before else { break }
                known.note(text, Array(output.frames[before...]), log, &place)
            case .text(let text): try take(text, &output)
            case .ping(let data): WebSocketFrame.append(.pong, data, mask: Self.mask, to: &output.replies)
            case .close: output.hasEnded = true
            case .binary, .pong: break
            }
        }
        hasEnded = output.hasEnded
        return output
    }

    // MARK: Polling

    /// The answer to the request that is under way is complete.
    mutating func answered() throws -> Output {
        var output = Output(hasEnded: hasEnded)
        guard let body = polling?.takeBody(), let isPosting = polling?.isPosting, !hasEnded else { return output }
        if isPosting {
            guard body == Array("ok".utf8) else { throw Broken.noPacket }
        } else {
            guard let packets = EngineIOPayload.packets(body) else { throw Broken.noPacket }
            for packet in packets where !output.hasEnded { try take(packet.encoded, &output) }
        }
        hasEnded = output.hasEnded
        if output.location != nil {
            output.replies = polling?.post(EngineIOPacket.close.encoded) ?? []
        } else if polling?.upgrade == .answered {
            let packets = output.replies.split(separator: Self.separator).map { Array($0) }
            (polling, output.replies, output.hasUpgraded) = (nil, [], true)
            for packet in [EngineIOPacket.upgrade.encoded] + packets { send(packet, &output) }
        } else if hasEnded {
            output.replies = []
        } else {
            output.replies = (output.replies.isEmpty ? polling?.poll() : polling?.post(output.replies)) ?? []
        }
        return output
    }

    /// What is sent first on the WebSocket beside the polls.
    static let probe = {
        var frame: [UInt8] = []
        WebSocketFrame.append(.text, EngineIOPacket.ping(Array("probe".utf8)).encoded, mask: mask, to: &frame)
        return frame
    }()

    /// Bytes of the WebSocket beside the polls. `false`: it may not take over.
    mutating func probed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        decoder.append(bytes)
        do {
            guard let message = try decoder.next() else { return true }
            guard message == .text(EngineIOPacket.pong(Array("probe".utf8)).encoded) else { return false }
            polling?.upgrade = .answered
            return true
        } catch { return false }
    }

    func upgradeRequest() -> [UInt8] { polling?.upgradeRequest() ?? [] }

    /// The WebSocket beside the polls is gone: they go on.
    mutating func probeEnded() {
        polling?.upgrade = .unwanted
        decoder = WebSocketDecoder(peerMasks: false, messageBytesMax: Self.messageBytesMax)
    }

    // MARK: Packets

    private mutating func take(_ text: [UInt8], _ output: inout Output) throws(Broken) {
        switch text.first {
        case UInt8(ascii: "0"):
            try takeOpening(text, &output)
            var auth = JSONText(capacity: 96)
            auth.member("userid", subscription.userid)
            auth.member("redirect", "follow")
            auth.member("hop", hops)
            if let avoided { auth.member("avoid", avoided.description) }
            reply(SocketIOPacket(.connect, data: auth.finished()), &output)
        case UInt8(ascii: "1"): output.hasEnded = true
        case UInt8(ascii: "2"): send([UInt8(ascii: "3")], &output)
        case UInt8(ascii: "4"): try takePacket(text.dropFirst(), &output)
        default: break
        }
    }

    private mutating func takeOpening(_ text: [UInt8], _ output: inout Output) throws(Broken) {
        guard let upgrades = polling?.upgrades else { return }
        guard case .string(let sid) = Self.object(text.dropFirst())?["sid"] else { throw .noPacket }
        polling?.opened(sid: sid)
        guard upgrades else { return }
        polling?.upgrade = .probing
        output.opensWebSocket = true
    }

    private func reply(_ packet: SocketIOPacket, _ output: inout Output) {
        send([UInt8(ascii: "4")] + packet.encoded, &output)
    }

    /// A packet for the server: a frame of the WebSocket, or a part of the next POST.
    private func send(_ packet: [UInt8], _ output: inout Output) {
        guard isPolling else { return WebSocketFrame.append(.text, packet, mask: Self.mask, to: &output.replies) }
        if !output.replies.isEmpty { output.replies.append(Self.separator) }
        output.replies += packet
    }

    private func takePacket(_ packet: ArraySlice<UInt8>, _ output: inout Output) throws(Broken) {
        switch packet.first {
        case UInt8(ascii: "0"):
            var asked = JSONText(capacity: 96)
            asked.member("video", subscription.videoid)
            if let since = subscription.since { asked.member("since", since) }
            var event = SocketIOPacket(event: "subscribe", [asked.finished()])
            event.id = 0
            reply(event, &output)
        case UInt8(ascii: "2"): try takeEvent(packet, &output)
        case UInt8(ascii: "3"): try takeAnswer(packet, &output)
        case UInt8(ascii: "4"): throw .refused(String(decoding: packet.dropFirst(), as: UTF8.self))
        default: throw .noPacket
        }
    }

    /// `["<name>",<data>,{"channel":"…","position":"…"}]`, as a Reader writes it: the data is copied as it is.
    private func takeEvent(_ packet: ArraySlice<UInt8>, _ output: inout Output) throws(Broken) {
        guard packet.starts(with: #"2[""#.utf8), let quote = packet.dropFirst(3).firstIndex(of: UInt8(ascii: "\"")),
            packet.last == UInt8(ascii: "]"), packet[quote...].starts(with: #"","#.utf8)
        else { throw .noPacket }
        let name = String(decoding: packet[(packet.startIndex + 3)..<quote], as: UTF8.self)
        let rest = packet[(quote + 2)..<(packet.endIndex - 1)]
        guard name != "reconnect" else { return try takeReconnect(rest, &output) }
        guard let tail = Self.tail(of: rest), let place = Self.object(rest[(tail + 1)...]) else { throw .noPacket }
        var position: Position?
        if case .string(let text) = place["position"] { position = Position(parsing: text) }
        output.frames += EventStream.frame(
            data: rest[..<tail], event: name == "comment" ? nil : name, id: position)
    }

    private func takeReconnect(_ data: ArraySlice<UInt8>, _ output: inout Output) throws(Broken) {
        guard let object = Self.object(data) else { throw .noPacket }
        if case .string(let url) = object["url"], case .number(let hop) = object["hop"] {
            output.location = "\(url)\(Self.path)&hop=\(Int(hop))"
        } else if case .number(let retry) = object["retry"] {
            output.frames += EventStream.frame(data: data, event: "reconnect", retryMilliseconds: Int(retry))
        } else {
            throw .noPacket
        }
    }

    /// The acknowledgement of the subscription is a stream's `connected`.
    private func takeAnswer(_ packet: ArraySlice<UInt8>, _ output: inout Output) throws(Broken) {
        guard let start = packet.firstIndex(of: UInt8(ascii: "[")), packet.last == UInt8(ascii: "]"),
            let answer = Self.object(packet[(start + 1)..<(packet.endIndex - 1)])
        else { throw .noPacket }
        if case .string("elsewhere") = answer["code"] { return }
        guard case .string(let text) = answer["position"], let position = Position(parsing: text) else {
            throw .refused(String(decoding: packet, as: UTF8.self))
        }
        output.frames += EventStream.frame(data: #"{"type":"connected"}"#.utf8, id: position)
    }

    /// Where the last argument begins: behind a comma, and nothing in it is nested.
    private static func tail(of arguments: ArraySlice<UInt8>) -> Int? {
        guard let brace = arguments.lastIndex(of: UInt8(ascii: "{")), brace > arguments.startIndex else { return nil }
        return arguments[brace - 1] == UInt8(ascii: ",") ? brace - 1 : nil
    }

    private static func object(_ json: ArraySlice<UInt8>) -> JSONObject? {
        json.withUnsafeBytes { try? JSONScanner.object($0) }
    }
}
