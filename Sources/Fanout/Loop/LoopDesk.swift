internal import SocketLoop
internal import Wire

/// What a loop does with its viewers: attaches them, holds them while their history is read, beats, sends them away.
///
/// Everything of a Reader's loop but the sockets themselves, which it is lent.
final class LoopDesk<Connections: ViewerSockets> {
    struct Settings: Sendable {
        var hub: LoopHub<Connections>.Settings
        var heartbeatNanoseconds: UInt64
        var seed: UInt64
    }

    private let settings: Settings
    private let tell: (LoopReport) -> Void
    private let hub: LoopHub<Connections>
    private let heartbeat = Chunk.of(EventStream.heartbeat)
    private var report = LoopReport()
    private var resuming: [ResumptionID: ViewerID] = [:]
    private var resumptions: [ViewerID: ResumptionID] = [:]
    private var retryMillisecondsMax = 0
    private var jitter: Jitter

    /// - Parameter tell: called at the end of a turn in which something happened.
    init(settings: Settings, tell: @escaping (LoopReport) -> Void) {
        self.settings = settings
        self.tell = tell
        self.hub = LoopHub(settings: settings.hub)
        self.jitter = Jitter(seed: settings.seed)
    }

    var pendingBytes: Int { hub.pendingBytes }

    func received(_ command: LoopCommand, sockets: Connections) {
        switch command {
        case .attach(let attachment): attach(attachment, sockets)
        case .append(let entries): append(entries, sockets)
        case .release(let resumption, let missed, let rejoin):
            guard let viewer = finish(resumption) else { return }
            hub.release(viewer, missed: missed, rejoin: rejoin, writer: sockets)
            if let topic = hub.log(of: viewer) { sendBack(from: topic, sockets) }
            for viewer in hub.viewersThatHoldTooMuch() { disconnect(viewer, reason: .slowConsumer, sockets) }
        case .abandon(let resumption):
            if let viewer = finish(resumption) { disconnect(viewer, reason: .resumeFailed, sockets) }
        case .attachVirtual(let topic, let count):
            for _ in 0..<count { _ = hub.attach(.virtual, topics: [topic], holding: false) }
        case .drain(let seconds, let retryMillisecondsMax):
            self.retryMillisecondsMax = retryMillisecondsMax
            drain(seconds: seconds, sockets)
        }
    }

    /// One slice of writes; `true` asks for another turn without waiting.
    func pass(sockets: Connections) -> Bool {
        var work = hub.work(now: sockets.now, writer: sockets)
        while case .later(let topic, let time) = work {
            sockets.schedule(TimerToken(kind: Timer.flush.rawValue, value: UInt64(topic)), at: time)
            work = hub.work(now: sockets.now, writer: sockets)
        }
        tellReport()
        return work == .more
    }

    private func tellReport() {
        let counts = hub.takeCounts()
        report.events += counts.events
        report.writes += counts.writes
        report.conflated += counts.conflated
        guard !report.isEmpty else { return }
        tell(report)
        report = LoopReport()
    }

    // MARK: Viewers

    private func attach(_ attachment: Attachment, _ sockets: Connections) {
        guard let socket = sockets.adopt(attachment.descriptor) else {
            report.departures.append(.init(topics: attachment.topics, reason: .refused))
            return
        }
        let viewer = hub.attach(socket, topics: attachment.topics, holding: attachment.resumption != nil)
        sockets.setTag(viewer, of: socket)
        if let resumption = attachment.resumption {
            resuming[resumption] = viewer
            resumptions[viewer] = resumption
        }
        _ = sockets.send(attachment.hello, to: socket)
        for state in attachment.states { hub.seed(state.frame, of: state.topic) }
        for topic in attachment.topics {
            let states = hub.states(of: topic)
            if !states.isEmpty { _ = sockets.send(Chunk.joining(states), to: socket) }
        }
        let first = jitter.next(below: settings.heartbeatNanoseconds)
        sockets.schedule(TimerToken(kind: Timer.heartbeat.rawValue, socket: socket), at: sockets.now + first)
        if retryMillisecondsMax > 0 { scheduleDrain(socket, at: sockets.now, sockets) }
    }

    private func append(_ entries: [(topic: TopicID, frame: Frame)], _ sockets: Connections) {
        for entry in entries {
            hub.append(entry.frame, to: entry.topic)
            sendBack(from: entry.topic, sockets)
        }
    }

    private func sendBack(from topic: TopicID, _ sockets: Connections) {
        while case let viewers = hub.viewersToSendBack(of: topic), !viewers.isEmpty {
            for viewer in viewers { disconnect(viewer, reason: .resumeFailed, sockets) }
        }
    }

    private func finish(_ resumption: ResumptionID) -> ViewerID? {
        guard let viewer = resuming.removeValue(forKey: resumption) else { return nil }
        resumptions[viewer] = nil
        return viewer
    }

    private func disconnect(_ viewer: ViewerID, reason: DisconnectReason, _ sockets: Connections) {
        guard let socket = hub.socket(of: viewer) else { return }
        sockets.close(socket)
        depart(viewer, socket, reason: reason)
    }

    /// A viewer departs once: a socket may break under a write and be closed before that is told, and its number may
    /// be another viewer's by then.
    private func depart(_ viewer: ViewerID, _ socket: SocketHandle, reason: DisconnectReason) {
        guard hub.socket(of: viewer) == socket else { return }
        if let resumption = resumptions.removeValue(forKey: viewer) { resuming[resumption] = nil }
        report.departures.append(.init(topics: hub.detach(viewer), reason: reason))
    }

    // MARK: Sockets

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Connections) {
        // Old clients send a stray line break after a body (RFC 9112, section 2.2); nothing else may follow a request
        // whose response never ends.
        guard !bytes.allSatisfy({ $0 == 0x0D || $0 == 0x0A }), let viewer = sockets.tag(of: socket) else { return }
        disconnect(viewer, reason: .unexpectedData, sockets)
    }

    /// The kernel has everything that was sent.
    func socketDrained(_ socket: SocketHandle, sockets: Connections) {
        guard let viewer = sockets.tag(of: socket), let topic = hub.log(of: viewer) else { return }
        hub.feed(viewer, writer: sockets)
        sendBack(from: topic, sockets)
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason) {
        depart(tag, socket, reason: DisconnectReason(reason))
    }

    func timerFired(_ token: TimerToken, sockets: Connections) {
        switch Timer(rawValue: token.kind) {
        case .heartbeat: beat(token, sockets)
        case .drain: sendAway(token.socket, sockets)
        case .flush: hub.resume(TopicID(token.value))
        case nil: break
        }
    }

    private func beat(_ token: TimerToken, _ sockets: Connections) {
        guard sockets.isOpen(token.socket) else { return }
        if let viewer = sockets.tag(of: token.socket), hub.isStuck(viewer) {
            return disconnect(viewer, reason: .slowConsumer, sockets)
        }
        // Whoever has bytes waiting knows that the connection lives.
        if sockets.backlogBytes(of: token.socket) == 0 { _ = sockets.send(heartbeat, to: token.socket) }
        sockets.schedule(token, at: sockets.now + settings.heartbeatNanoseconds)
    }

    // MARK: Drain

    private func drain(seconds: Double, _ sockets: Connections) {
        let span = UInt64(max(seconds, 0) * 1_000_000_000)
        sockets.forEach { socket in
            scheduleDrain(socket, at: sockets.now + (span == 0 ? 0 : jitter.next(below: span)), sockets)
        }
    }

    private func scheduleDrain(_ socket: SocketHandle, at time: UInt64, _ sockets: Connections) {
        sockets.schedule(TimerToken(kind: Timer.drain.rawValue, socket: socket), at: time)
    }

    private func sendAway(_ socket: SocketHandle, _ sockets: Connections) {
        guard let viewer = sockets.tag(of: socket) else { return }
        let delay = Int(jitter.next(below: UInt64(max(retryMillisecondsMax, 1))))
        let farewell = EventStream.frame(data: Array("{}".utf8), event: "reconnect", retryMilliseconds: delay)
        _ = sockets.send(Chunk.of(farewell) + Chunk.last, to: socket)
        disconnect(viewer, reason: .drained, sockets)
    }

    func stopping(sockets: Connections) {
        sockets.forEach { socket in
            if let viewer = sockets.tag(of: socket) { disconnect(viewer, reason: .shutdown, sockets) }
        }
        tellReport()
    }
}

extension LoopDesk {
    private enum Timer: UInt32 {
        case heartbeat, drain, flush
    }
}
