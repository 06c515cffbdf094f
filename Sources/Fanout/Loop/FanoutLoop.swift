internal import DequeModule
internal import Placement
internal import SocketIO
internal import SocketLoop
internal import Wire

/// What a ``FanoutLoop`` may write at once, and what it may retain.
struct FanoutLoopSettings: Sendable {
    /// Writes in one slice: what a small topic waits for at most per giant.
    var writesPerSlice = 128
    /// Shortest time between the starts of two rounds of a topic.
    var flushIntervalNanoseconds: UInt64 = 0
    /// Bytes retained for recovering viewers of one topic.
    var retainedBytesMax = 4 << 20
    /// Bytes of histories that viewers are fed from, for all topics. A history that several share counts once.
    var historyBytesMax = 64 << 20
    /// Bytes that a recovering viewer is given in one write; it gets more when the kernel has them.
    var pieceBytes = 32 << 10
    var heartbeatNanoseconds: UInt64 = 25_000_000_000
    /// The longest wait before a viewer comes back whose lease ended.
    var retryMillisecondsMax = 2_000
    var sessions = EngineIOSession.Settings()
    /// A client of Socket.IO has to join a namespace within so long.
    var connectNanoseconds: UInt64 = 45_000_000_000
    /// Of the random times at which viewers are disconnected when the loop drains.
    var seed: UInt64 = 1
}

/// One loop of a Reader: its viewers, what they watch, and what is written to whom next.
///
/// Pure but for its sockets, which it gets with every call: `Sockets` in a Reader, doubles in tests and the simulation.
/// For every viewer: what was appended to a topic before it joined, it does not get; what is appended after, it gets once
/// and in order. Writes are done in slices, topic after topic.
final class FanoutLoop<Connections: ViewerSockets> {
    /// Takes over a descriptor; `nil`: it was closed, since there is no room.
    typealias Adopt = (_ descriptor: Int32, _ tag: UInt32, _ sockets: Connections) -> SocketHandle?

    let settings: FanoutLoopSettings
    let adopt: Adopt
    /// Called for each write of a pass.
    private let wrote: (@Sendable (_ chunk: [UInt8], _ events: Int) -> Void)?
    private let submitReport: (LoopReport) -> Void
    var report = LoopReport()
    /// Bytes of frames that are kept until everybody has them; they count against the mailbox's limit.
    private(set) var heldWeight = 0
    private(set) var viewerCount = 0
    private var topics: [Topic?] = []
    private var viewers: [Viewer?] = []
    private var freeViewers: [ViewerID] = []
    /// Viewers who speak HTTP/1.0: their response is not chunked. There is hardly ever one.
    var unchunked: Set<ViewerID> = []
    /// What viewers' rights depend on, of those with a token.
    var leases: [ViewerID: ViewerLease] = [:]
    /// When they are looked at next.
    var leasesDue: UInt64 = 0
    /// Topics that have frames for somebody.
    private var queue: Deque<TopicID> = []
    var heartbeats: Heartbeats
    var isTicking = false
    var retryMillisecondsMax = 0
    var random: SplitMix64
    // Recovering viewers; see FanoutLoop+recovery.swift.
    var viewersByRecovery: [RecoveryID: ViewerID] = [:]
    var recoveriesByViewer: [ViewerID: RecoveryID] = [:]
    var recoveryMemory = RecoveryMemory()
    /// Viewers whose place is another Reader.
    var displaced: Set<ViewerID> = []
    // Sessions of Socket.IO; see FanoutLoop+sessions.swift.
    var sessions = SessionTable()
    /// Subscriptions whose acknowledgement waits until it is known what was missed.
    var unacknowledged: [ViewerID: SessionSubscription] = [:]
    let sessionHandler: (any SessionHandler)?
    /// Viewers that joined a ring after a recovery, and missed states meanwhile.
    var owedStates: [(viewer: ViewerID, topic: TopicID)] = []

    /// - Parameter submitReport: called at the end of a turn in which something happened.
    init(
        settings: FanoutLoopSettings, adopt: @escaping Adopt = { $2.adopt(descriptor: $0, tag: $1) },
        wrote: (@Sendable (_ chunk: [UInt8], _ events: Int) -> Void)? = nil,
        sessionHandler: (any SessionHandler)? = nil, submitReport: @escaping (LoopReport) -> Void
    ) {
        self.settings = settings
        self.adopt = adopt
        self.wrote = wrote
        self.sessionHandler = sessionHandler
        self.submitReport = submitReport
        heartbeats = Heartbeats(intervalNanoseconds: settings.heartbeatNanoseconds)
        random = SplitMix64(seed: settings.seed)
    }

    // MARK: Frames

    /// A frame for all viewers of a topic.
    func append(_ frame: Frame, to topicID: TopicID) {
        guard let topic = existing(topicID) else { return }
        if let recovering = topic.recovering { joinReached(by: frame, recovering, topic) }
        let before = topic.ring.bytes
        if !topic.append(frame) { report.conflated += 1 }
        heldWeight += topic.ring.bytes - before
        if topic.ring.hasWork { enqueue(topic) }
    }

    private func enqueue(_ topic: Topic) {
        guard !topic.isQueued, !topic.isResting else { return }
        topic.isQueued = true
        queue.append(topic.id)
    }

    /// The flush interval of a topic is over.
    func wake(_ topicID: TopicID) {
        guard let topic = existing(topicID) else { return }
        topic.isResting = false
        if topic.ring.hasWork { enqueue(topic) }
    }

    // MARK: Writing

    /// One slice of writes; `true` asks for another turn without waiting.
    func pass(sockets: Connections) -> Bool {
        workOffSessions(sockets)
        if !owedStates.isEmpty { sendOwedStates(sockets) }
        var budget = settings.writesPerSlice
        while budget > 0, let topicID = queue.popFirst() {
            guard let topic = existing(topicID) else { continue }
            topic.isQueued = false
            if !topic.ring.isMidRound {
                guard startRound(topic, sockets) else { continue }
            }
            budget -= pass(topic, members: budget, sockets)
            if topic.ring.hasWork { enqueue(topic) }
        }
        workOffSessions(sockets)
        if report != LoopReport() {
            submitReport(report)
            report = LoopReport()
        }
        return !queue.isEmpty
    }

    /// `false` when the flush interval is not over: a timer will wake the topic.
    private func startRound(_ topic: Topic, _ sockets: Connections) -> Bool {
        let earliest = topic.roundStartedAt + settings.flushIntervalNanoseconds
        if settings.flushIntervalNanoseconds > 0, sockets.now < earliest {
            topic.isResting = true
            sockets.schedule(TimerToken(kind: LoopTimer.flush.rawValue, value: UInt64(topic.id)), at: earliest)
            return false
        }
        topic.startRound(at: sockets.now)
        return true
    }

    private func pass(_ topic: Topic, members: Int, _ sockets: Connections) -> Int {
        let before = topic.ring.bytes
        var (writes, events, messages) = (0, 0, 0)
        // No viewer is removed in the middle of a slice: sockets that break are reported after it.
        let tail = topic.tail
        let passed = topic.ring.pass(members: members) { id, portion in
            guard let viewer = viewers[Int(id)] else { return }
            if viewer.session == Viewer.none {
                let chunk = portion.chunk()
                send(chunk, to: id, viewer.socket, sockets)
                wrote?(chunk, portion.events)
                heartbeats.sent(to: id)
            } else if viewer.socket != SocketHandle.none {
                sockets.send(portion.packets(of: tail), to: viewer.socket)
            } else {
                send(portion.packets(of: tail), toSession: viewer.session, sockets)
            }
            writes += 1
            events += portion.events
            messages += portion.messages
        }
        report.writes += writes
        report.events += events
        report.messages += messages
        if let times = topic.roundTimes, !topic.ring.isMidRound {
            topic.roundTimes = nil
            report.rounds.append(times)
        }
        heldWeight += topic.ring.bytes - before
        return max(passed, 1)
    }

    /// Frames for one viewer. `false` when its socket is gone.
    @discardableResult
    func write(_ frames: [Frame], of topic: Topic, to id: ViewerID, _ viewer: Viewer, _ sockets: Connections) -> Bool {
        report.writes += 1
        report.events += frames.count
        report.messages += frames.messages
        guard viewer.session == Viewer.none else {
            return send(EventPacket.joining(frames, of: topic.tail), toSession: viewer.session, sockets)
        }
        heartbeats.sent(to: id)
        return send(Chunk.joining(frames), to: id, viewer.socket, sockets) != .closed
    }

    /// Bytes that wait for a viewer's connection.
    func backlogBytes(of viewer: Viewer, _ sockets: Connections) -> Int {
        guard viewer.session != Viewer.none else { return sockets.backlogBytes(of: viewer.socket) }
        return sessions[viewer.session].map { $0.backlogBytes(sockets) } ?? 0
    }

    /// A chunk for one viewer, as its protocol wants it.
    @discardableResult @inline(__always)
    func send(_ chunk: [UInt8], to id: ViewerID, _ socket: SocketHandle, _ sockets: Connections) -> Sockets.SendResult {
        guard unchunked.isEmpty || !unchunked.contains(id) else {
            return sockets.send(Array(Chunk.content(of: chunk)), to: socket)
        }
        return sockets.send(chunk, to: socket)
    }

    // MARK: Viewers

    /// The number of the next viewer.
    var nextViewer: ViewerID { freeViewers.last ?? ViewerID(viewers.count) }

    /// Adds a viewer of `topicIDs` (at least one; the first is its log). A recovering one gets nothing of its log until
    /// ``recover(_:_:_:_:)``.
    @discardableResult
    func add(
        _ socket: SocketHandle, topics topicIDs: [TopicID], isRecovering: Bool = false, session: UInt32 = Viewer.none,
        _ sockets: Connections
    ) -> ViewerID {
        let id = nextViewer
        if freeViewers.popLast() == nil { viewers.append(nil) }
        let memberships = topicIDs.map { Viewer.Membership(topic: $0, index: Viewer.Membership.none) }
        viewers[Int(id)] = Viewer(
            socket: socket, session: session, first: memberships[0], others: Array(memberships.dropFirst()))
        viewerCount += 1
        for topicID in topicIDs {
            let topic = topic(topicID)
            if isRecovering, topicID == topicIDs[0] { topic.addRecovering(id) } else { join(id, topic) }
        }
        startTicks(sockets)
        heartbeats.add(id, at: sockets.now)
        return id
    }

    /// The session of a viewer has a WebSocket now.
    func setSocket(_ socket: SocketHandle, of id: ViewerID) { viewers[Int(id)]?.socket = socket }

    /// The viewer gets what is appended from now on.
    func join(_ id: ViewerID, _ topic: Topic) {
        viewers[Int(id)]?.setIndex(topic.ring.add(id), in: topic.id)
    }

    /// Takes a viewer out of its topics. Its socket is the caller's business.
    func remove(_ id: ViewerID) -> [TopicID] {
        guard let viewer = viewer(id) else { return [] }
        for topicID in viewer.topics {
            let topic = topic(topicID)
            let before = topic.ring.bytes
            let index = viewer.index(in: topicID)
            if index == Viewer.Membership.none {
                if let history = topic.recovering?.remove(id) { recoveryMemory.release(history, by: id) }
                topic.endRecoveryIfEmpty()
            } else {
                topic.ring.remove(at: Int(index)) { moved, index in viewers[Int(moved)]?.setIndex(index, in: topicID) }
            }
            heldWeight += topic.ring.bytes - before
            if topic.isAbandoned { topics[Int(topicID)] = nil }
        }
        viewers[Int(id)] = nil
        if !unchunked.isEmpty { unchunked.remove(id) }
        if !leases.isEmpty { leases[id] = nil }
        freeViewers.append(id)
        viewerCount -= 1
        return viewer.topics
    }

    // MARK: Tables

    func topic(_ id: TopicID) -> Topic {
        if let topic = existing(id) { return topic }
        while topics.count <= Int(id) { topics.append(nil) }
        let topic = Topic(id: id)
        topics[Int(id)] = topic
        return topic
    }

    @inline(__always)
    func existing(_ id: TopicID) -> Topic? {
        Int(id) < topics.count ? topics[Int(id)] : nil
    }

    @inline(__always)
    func viewer(_ id: ViewerID) -> Viewer? {
        Int(id) < viewers.count ? viewers[Int(id)] : nil
    }
}

@available(*, unavailable)
extension FanoutLoop: Sendable {}
