/// One client of Engine.IO 4: its transport, the upgrade from polling to a WebSocket, and the heartbeat. Pure: takes what
/// happened and the time, and says what to do.
///
/// ```
/// polling ── a WebSocket with its sid ──▶ probing ── "5" ──▶ websocket
///    ▲                                       │
///    └────── anything else, or 10 s ─────────┘            any of them ──▶ closed
/// ```
///
/// What is sent is always WebSocket frames. While the client polls they wait here, and become the answer to its next poll.
public struct EngineIOSession: Sendable {
    public struct Settings: Equatable, Sendable {
        /// Time between two pings, and how long a pong may take. In nanoseconds.
        public var pingInterval: UInt64 = 25_000_000_000
        public var pingTimeout: UInt64 = 20_000_000_000
        /// How long an upgrade may take, and how often a waiting poll is ended meanwhile.
        public var upgradeTimeout: UInt64 = 10_000_000_000
        public var noopInterval: UInt64 = 100_000_000
        /// Bytes of a message, and of a request's body.
        public var maxPayload = 1_000_000
        /// Bytes that may wait for a client that polls.
        public var queuedBytesMax = 256 << 10

        public init() {}

        /// The data of the open packet.
        func opening(sid: String, transport: Transport) -> [UInt8] {
            let upgrades = transport == .polling ? #"["websocket"]"# : "[]"
            return Array(
                (#"{"sid":"\#(sid)","upgrades":\#(upgrades),"pingInterval":\#(pingInterval / 1_000_000),"#
                    + #""pingTimeout":\#(pingTimeout / 1_000_000),"maxPayload":\#(maxPayload)}"#).utf8)
        }
    }

    public enum Transport: String, Sendable {
        case polling, websocket
    }

    public enum Phase: Equatable, Sendable {
        case polling
        /// A second connection wants to take over. It has been told `3probe` or not.
        case probing(isAnswered: Bool)
        case websocket
        case closed
    }

    public enum Ending: Equatable, Sendable {
        /// The client said so, or left.
        case client
        case pingTimeout
        /// The client broke the protocol.
        case violation
        /// More waits for a client that polls than may.
        case slowConsumer
    }

    /// What is to be done, in this order.
    public enum Action: Equatable, Sendable {
        /// The poll that waits gets this body.
        case answer([UInt8])
        /// Frames for the WebSocket.
        case write([UInt8])
        /// Frames for the connection that probes.
        case writeProbe([UInt8])
        case closeProbe
        /// The connection that probes is the session's WebSocket from now on.
        case upgraded
        case received(EngineIOPacket)
        case closed(Ending)
    }

    public private(set) var phase: Phase
    /// A poll waits for its answer.
    public private(set) var isPolled = false
    private var awaitsPong = false
    private var waitingBytes: UInt32 = 0
    /// When the next ping is due, or the pong.
    private var heartbeatAt: UInt64
    /// While a connection probes.
    private var upgrade: Upgrade?
    private var queue: [[UInt8]] = []

    /// Apart: few sessions have one, and each is kept small.
    private final class Upgrade: Sendable {
        /// When it is given up, and when a waiting poll is ended next.
        let by: UInt64
        let noopAt: UInt64

        init(by: UInt64, noopAt: UInt64 = .max) {
            self.by = by
            self.noopAt = noopAt
        }
    }

    public init(_ transport: Transport, now: UInt64, _ settings: Settings) {
        phase = transport == .polling ? .polling : .websocket
        heartbeatAt = now + settings.pingInterval
    }

    /// The first packet, as a frame.
    public static func opening(sid: String, _ transport: Transport, _ settings: Settings) -> [UInt8] {
        EngineIOPacket.open(settings.opening(sid: sid, transport: transport)).frame
    }

    public var isClosed: Bool { phase == .closed }

    /// Bytes that wait for a client that polls.
    public var queuedBytes: Int { Int(waitingBytes) }

    /// When ``tick(now:_:)`` is needed next.
    public var deadline: UInt64 {
        guard let upgrade else { return heartbeatAt }
        return min(heartbeatAt, upgrade.by, isPolled ? upgrade.noopAt : .max)
    }

    // MARK: Polling

    /// A poll came. A second one beside it ends the session, and both.
    public mutating func polled() throws(EngineIOError) -> [Action] {
        guard phase != .websocket, phase != .closed else { throw .badRequest }
        guard !isPolled else { throw .badRequest }
        isPolled = true
        return queue.isEmpty ? [] : flush()
    }

    /// The client has left its poll.
    public mutating func pollAborted() -> [Action] {
        guard isPolled else { return [] }
        isPolled = false
        return close(.client)
    }

    /// The body of a POST came, which is answered `ok` unless this throws.
    public mutating func posted(_ body: [UInt8], now: UInt64, _ settings: Settings) throws(EngineIOError) -> [Action] {
        guard phase != .websocket, phase != .closed else { throw .badRequest }
        guard let packets = EngineIOPayload.packets(body) else { throw .badRequest }
        var actions: [Action] = []
        for packet in packets where phase != .closed { actions += received(packet, now: now, settings) }
        if actions.last == .closed(.violation) { throw .badRequest }
        return actions
    }

    // MARK: WebSocket

    /// A packet of the session's own WebSocket, or of a POST.
    public mutating func received(_ packet: EngineIOPacket, now: UInt64, _ settings: Settings) -> [Action] {
        switch packet {
        case .message, .binary: return [.received(packet)]
        case .pong:
            guard awaitsPong else { return [] }
            awaitsPong = false
            heartbeatAt = now + settings.pingInterval
            return []
        case .close:
            var actions: [Action] = []
            if isPolled { actions = answer(EngineIOPacket.noop.frame) }
            return actions + close(.client)
        // In version 4 only servers ping; a client that does so all the same gets its answer.
        case .ping(let data): return send(EngineIOPacket.pong(data).frame, settings)
        case .noop: return []
        case .open, .upgrade: return close(.violation)
        }
    }

    /// A second connection with the session's id: a WebSocket that wants to take over.
    ///
    /// - Throws: when it may not: the session has a WebSocket, or another one probes.
    public mutating func probed(now: UInt64, _ settings: Settings) throws(EngineIOError) {
        guard phase == .polling else { throw .badRequest }
        phase = .probing(isAnswered: false)
        upgrade = Upgrade(by: now + settings.upgradeTimeout)
    }

    /// A packet of the connection that probes.
    public mutating func probeReceived(_ packet: EngineIOPacket, now: UInt64, _ settings: Settings) -> [Action] {
        switch (phase, packet) {
        case (.probing(false), .ping(Array("probe".utf8))):
            phase = .probing(isAnswered: true)
            scheduleNoop(now, settings)
            return [.writeProbe(EngineIOPacket.pong(Array("probe".utf8)).frame)] + endPoll()
        case (.probing(true), .upgrade):
            let actions = endPoll()
            (phase, upgrade) = (.websocket, nil)
            let waiting = takeQueue()
            return actions + [.upgraded] + (waiting.isEmpty ? [] : [.write(Array(waiting.joined()))])
        case (.probing, _):
            probeEnded()
            return [.closeProbe]
        default: return [.closeProbe]
        }
    }

    /// The connection that probed is gone: the client goes on to poll.
    public mutating func probeEnded() {
        if case .probing = phase { (phase, upgrade) = (.polling, nil) }
    }

    private mutating func scheduleNoop(_ now: UInt64, _ settings: Settings) {
        upgrade = upgrade.map { Upgrade(by: $0.by, noopAt: now + settings.noopInterval) }
    }

    // MARK: Sending

    /// Whole frames for the client. For a session with a WebSocket its owner may as well write them there.
    public mutating func send(_ frames: [UInt8], _ settings: Settings) -> [Action] {
        switch phase {
        case .closed: return []
        case .websocket: return [.write(frames)]
        case .polling, .probing: break
        }
        guard queue.isEmpty || queuedBytes + frames.count <= settings.queuedBytesMax else {
            return close(.slowConsumer)
        }
        queue.append(frames)
        waitingBytes += UInt32(clamping: frames.count)
        return isPolled ? flush() : []
    }

    private mutating func takeQueue() -> [[UInt8]] {
        defer { (queue, waitingBytes) = ([], 0) }
        return queue
    }

    private mutating func flush() -> [Action] {
        isPolled = false
        return [.answer(EngineIOPayload.answer(takeQueue()))]
    }

    private mutating func answer(_ frame: [UInt8]) -> [Action] {
        isPolled = false
        return [.answer(EngineIOPayload.answer([frame]))]
    }

    private mutating func endPoll() -> [Action] {
        isPolled ? answer(EngineIOPacket.noop.frame) : []
    }

    // MARK: Time

    /// What is due at `now`.
    public mutating func tick(now: UInt64, _ settings: Settings) -> [Action] {
        guard phase != .closed else { return [] }
        var actions: [Action] = []
        if let upgrade {
            if now >= upgrade.by {
                probeEnded()
                actions.append(.closeProbe)
            } else if isPolled, now >= upgrade.noopAt {
                scheduleNoop(now, settings)
                actions += endPoll()
            }
        }
        guard now >= heartbeatAt else { return actions }
        if awaitsPong { return actions + close(.pingTimeout) }
        awaitsPong = true
        // Counted from when it was due, so that a late look makes no client's time longer.
        heartbeatAt += settings.pingTimeout
        return actions + send(EngineIOPacket.ping([]).frame, settings)
    }

    // MARK: The end

    /// The session is over. A poll that waits is told so; what else waited is dropped.
    public mutating func close(_ ending: Ending) -> [Action] {
        guard phase != .closed else { return [] }
        var actions: [Action] = []
        if isPolled { actions = answer(EngineIOPacket.close.frame) }
        if case .probing = phase { actions.append(.closeProbe) }
        (phase, upgrade) = (.closed, nil)
        _ = takeQueue()
        return actions + [.closed(ending)]
    }
}
