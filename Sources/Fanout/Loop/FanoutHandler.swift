public import SocketLoop
internal import Wire

extension Sockets: ViewerWriter {
    public func send(_ bytes: [UInt8], to socket: SocketHandle) -> Bool {
        // A virtual viewer: what it gets is counted like everybody's, and goes nowhere.
        if socket == .virtual { return true }
        let result: SendResult = send(bytes, to: socket)
        return result != .closed
    }
}

extension SocketHandle {
    /// The socket of viewers that have none. No table has a slot with this index.
    static let virtual = SocketHandle(index: .max, generation: .max)
}

/// What a loop reports to the hub: gathered during a turn, told once.
struct LoopReport: Sendable {
    struct Departure: Sendable {
        let topics: [TopicID]
        let reason: DisconnectReason
    }

    var departures: [Departure] = []
    var events = 0
    var writes = 0
    var conflated = 0

    var isEmpty: Bool { departures.isEmpty && events == 0 && writes == 0 && conflated == 0 }
}

/// A Reader's loop: viewers' sockets, heartbeats, rounds. The shell around ``LoopHub``.
final class FanoutHandler: SocketLoopHandler {
    struct Settings: Sendable {
        var hub: LoopHub<Sockets>.Settings
        var heartbeatNanoseconds: UInt64
        var seed: UInt64
    }

    private enum Timer: UInt32 {
        case heartbeat, drain, flush
    }

    private static let heartbeat = Chunk.of(EventStream.heartbeat)

    private let settings: Settings
    private let tell: @Sendable (LoopReport) -> Void
    private let hub: LoopHub<Sockets>
    private var report = LoopReport()
    private var resuming: [ResumptionID: ViewerID] = [:]
    private var resumptions: [ViewerID: ResumptionID] = [:]
    private var retryMillisecondsMax = 0
    private var jitter: Jitter

    init(settings: Settings, tell: @escaping @Sendable (LoopReport) -> Void) {
        self.settings = settings
        self.tell = tell
        self.hub = LoopHub(settings: settings.hub)
        self.jitter = Jitter(state: settings.seed)
    }

    var heldWeight: Int { hub.pendingBytes }

    func received(_ commands: [LoopCommand], sockets: Sockets) {
        for command in commands {
            switch command {
            case .attach(let attachment): attach(attachment, sockets)
            case .append(let entries): append(entries, sockets)
            case .release(let resumption, let history, let offset):
                guard let viewer = finish(resumption) else { continue }
                hub.release(viewer, history: history, through: offset, writer: sockets)
            case .abandon(let resumption):
                if let viewer = finish(resumption) { disconnect(viewer, reason: .resumeFailed, sockets) }
            case .attachVirtual(let topic, let count):
                for _ in 0..<count { _ = hub.attach(.virtual, topics: [topic], holding: false) }
            case .drain(let seconds, let retryMillisecondsMax):
                self.retryMillisecondsMax = retryMillisecondsMax
                drain(seconds: seconds, sockets)
            }
        }
    }

    func pass(sockets: Sockets) -> Bool {
        var work = hub.work(now: sockets.now, writer: sockets)
        while case .later(let topic, let time) = work {
            sockets.schedule(TimerToken(kind: Timer.flush.rawValue, value: UInt64(topic)), at: time)
            work = hub.work(now: sockets.now, writer: sockets)
        }
        report(work)
        return work == .more
    }

    private func report(_ work: LoopHub<Sockets>.Work) {
        let counts = hub.takeCounts()
        report.events += counts.events
        report.writes += counts.writes
        report.conflated += counts.conflated
        guard !report.isEmpty else { return }
        tell(report)
        report = LoopReport()
    }

    // MARK: Viewers

    private func attach(_ attachment: Attachment, _ sockets: Sockets) {
        guard let socket = sockets.adopt(descriptor: attachment.descriptor) else {
            report.departures.append(.init(topics: attachment.topics, reason: .refused))
            return
        }
        let viewer = hub.attach(socket, topics: attachment.topics, holding: attachment.resumption != nil)
        sockets.setTag(viewer, of: socket)
        if let resumption = attachment.resumption {
            resuming[resumption] = viewer
            resumptions[viewer] = resumption
        }
        _ = sockets.send(attachment.hello, to: socket) as Bool
        for state in attachment.states { hub.seed(state.frame, of: state.topic) }
        for topic in attachment.topics {
            let states = hub.states(of: topic)
            if !states.isEmpty { _ = sockets.send(Chunk.joining(states), to: socket) as Bool }
        }
        let first = jitter.next(below: settings.heartbeatNanoseconds)
        sockets.schedule(TimerToken(kind: Timer.heartbeat.rawValue, socket: socket), at: sockets.now + first)
        if retryMillisecondsMax > 0 {
            sockets.schedule(TimerToken(kind: Timer.drain.rawValue, socket: socket), at: sockets.now)
        }
    }

    private func append(_ entries: [(topic: TopicID, frame: Frame)], _ sockets: Sockets) {
        for entry in entries {
            hub.append(entry.frame, to: entry.topic)
            for viewer in hub.overdueHolders(of: entry.topic) { disconnect(viewer, reason: .resumeFailed, sockets) }
        }
    }

    private func finish(_ resumption: ResumptionID) -> ViewerID? {
        guard let viewer = resuming.removeValue(forKey: resumption) else { return nil }
        resumptions[viewer] = nil
        return viewer
    }

    private func disconnect(_ viewer: ViewerID, reason: DisconnectReason, _ sockets: Sockets) {
        guard let socket = hub.socket(of: viewer) else { return }
        sockets.close(socket)
        depart(viewer, reason: reason)
    }

    private func depart(_ viewer: ViewerID, reason: DisconnectReason) {
        if let resumption = resumptions.removeValue(forKey: viewer) { resuming[resumption] = nil }
        report.departures.append(.init(topics: hub.detach(viewer), reason: reason))
    }

    // MARK: Sockets

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        // Old clients send a stray line break after a body (RFC 9112, section 2.2); nothing else may follow a request
        // whose response never ends.
        guard !bytes.allSatisfy({ $0 == 0x0D || $0 == 0x0A }), let viewer = sockets.tag(of: socket) else { return }
        sockets.close(socket)
        depart(viewer, reason: .unexpectedData)
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        depart(tag, reason: DisconnectReason(reason))
    }

    func timerFired(_ token: TimerToken, sockets: Sockets) {
        switch Timer(rawValue: token.kind) {
        case .heartbeat: beat(token, sockets)
        case .drain: sendAway(token.socket, sockets)
        case .flush: hub.resume(TopicID(token.value))
        case nil: break
        }
    }

    private func beat(_ token: TimerToken, _ sockets: Sockets) {
        guard sockets.isOpen(token.socket) else { return }
        // Whoever has bytes waiting knows that the connection lives.
        if sockets.backlogBytes(of: token.socket) == 0 { _ = sockets.send(Self.heartbeat, to: token.socket) as Bool }
        sockets.schedule(token, at: sockets.now + settings.heartbeatNanoseconds)
    }

    // MARK: Drain

    private func drain(seconds: Double, _ sockets: Sockets) {
        let span = UInt64(max(seconds, 0) * 1_000_000_000)
        sockets.forEach { socket in
            let delay = span == 0 ? 0 : jitter.next(below: span)
            sockets.schedule(TimerToken(kind: Timer.drain.rawValue, socket: socket), at: sockets.now + delay)
        }
    }

    private func sendAway(_ socket: SocketHandle, _ sockets: Sockets) {
        guard let viewer = sockets.tag(of: socket) else { return }
        let delay = Int(jitter.next(below: UInt64(max(retryMillisecondsMax, 1))))
        let farewell = EventStream.frame(data: Array("{}".utf8), event: "reconnect", retryMilliseconds: delay)
        _ = sockets.send(Chunk.of(farewell) + Chunk.last, to: socket) as Bool
        disconnect(viewer, reason: .drained, sockets)
    }

    func stopping(sockets: Sockets) {
        sockets.forEach { socket in
            guard let viewer = sockets.tag(of: socket) else { return }
            disconnect(viewer, reason: .shutdown, sockets)
        }
        report(.none)
    }
}

/// A small generator for jitter (xorshift64*, Vigna 2016). Not for secrets.
struct Jitter {
    var state: UInt64

    init(state: UInt64) { self.state = state == 0 ? 0x9E37_79B9_7F4A_7C15 : state }

    mutating func next(below bound: UInt64) -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return bound == 0 ? 0 : (state &* 0x2545_F491_4F6C_DD1D) % bound
    }
}
