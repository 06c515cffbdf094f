internal import DequeModule
public import SocketLoop

/// Who watches what on one loop, and what has to be written next. No clock, no socket: the loop lends both.
///
/// The order that holds for every viewer: what was appended to a topic before it joined, it does not get; what is
/// appended after, it gets once and in order. Work is done in slices, topic after topic.
public final class LoopHub<Writer: ViewerWriter> {
    public struct Settings: Sendable {
        /// Writes in one slice: what a small topic waits for at most per giant.
        public var writesPerSlice: Int
        /// Shortest time between the starts of two rounds of a topic.
        public var flushIntervalNanoseconds: UInt64
        /// Bytes kept for viewers whose history is being read, for one topic.
        public var retainedBytesMax: Int

        public init(
            writesPerSlice: Int = 512, flushIntervalNanoseconds: UInt64 = 0, retainedBytesMax: Int = 4 << 20
        ) {
            self.writesPerSlice = writesPerSlice
            self.flushIntervalNanoseconds = flushIntervalNanoseconds
            self.retainedBytesMax = retainedBytesMax
        }
    }

    /// What happened since the last `takeCounts`.
    public struct Counts: Equatable, Sendable {
        /// Events written to viewers, one for each viewer and event.
        public var events = 0
        /// Calls that wrote them.
        public var writes = 0
        /// State events that a newer one replaced, or that were refused.
        public var conflated = 0
    }

    public enum Work: Equatable, Sendable {
        case none
        /// There is more for another slice.
        case more
        /// A topic waits for its interval to pass, until this time.
        case later(topic: TopicID, at: UInt64)
    }

    public private(set) var counts = Counts()
    public private(set) var viewerCount = 0
    /// Bytes of frames that no round has taken yet.
    public private(set) var pendingBytes = 0
    private let settings: Settings
    private var topics: [Topic?] = []
    private var viewers: [Viewer?] = []
    private var freeViewers: [ViewerID] = []
    private var queue: Deque<TopicID> = []

    public init(settings: Settings) {
        self.settings = settings
    }

    // MARK: Coming and going

    /// Adds a viewer of `topicIDs` (at least one; the first is its log). With `holding` it gets nothing of the log until
    /// ``release(_:history:rejoin:writer:)``.
    public func attach(_ socket: SocketHandle, topics topicIDs: [TopicID], holding: Bool) -> ViewerID {
        let id = freeViewers.popLast() ?? ViewerID(viewers.count)
        if Int(id) == viewers.count { viewers.append(nil) }
        let memberships = topicIDs.map { Viewer.Membership(topic: $0, index: Viewer.Membership.waiting) }
        viewers[Int(id)] = Viewer(socket: socket, first: memberships[0], others: Array(memberships.dropFirst()))
        viewerCount += 1
        for topicID in topicIDs { join(id, topic(topicID), holding: holding && topicID == topicIDs[0]) }
        return id
    }

    private func join(_ viewer: ViewerID, _ topic: Topic, holding: Bool) {
        if holding {
            topic.holders.append(.init(viewer: viewer, sequence: topic.nextSequence))
        } else if topic.pending.isEmpty {
            viewers[Int(viewer)]?.setIndex(topic.add(viewer), in: topic.id)
        } else {
            topic.joiners.append(.init(viewer: viewer, sequence: topic.nextSequence))
        }
    }

    /// The newest states of a topic, for a viewer that joins it.
    public func states(of topicID: TopicID) -> [Frame] { topic(topicID).latestStates }

    /// Makes a state known to those who join from now on, unless the topic has one of that name.
    public func seed(_ frame: Frame, of topicID: TopicID) { topic(topicID).seed(frame) }

    /// Takes a viewer out. Its socket is its owner's business.
    public func detach(_ id: ViewerID) -> [TopicID] {
        guard Int(id) < viewers.count, let viewer = viewers[Int(id)] else { return [] }
        for topicID in viewer.topics { leave(id, index: viewer.index(in: topicID), topic(topicID)) }
        viewers[Int(id)] = nil
        freeViewers.append(id)
        viewerCount -= 1
        return viewer.topics
    }

    private func leave(_ id: ViewerID, index: UInt32, _ topic: Topic) {
        if index == Viewer.Membership.waiting {
            topic.removeWaiting(id)
        } else {
            topic.remove(at: Int(index)) { moved, index in viewers[Int(moved)]?.setIndex(index, in: topic.id) }
        }
        if topic.isAbandoned {
            for frame in topic.pending { pendingBytes -= frame.bytes.count }
            topics[Int(topic.id)] = nil
        }
    }

    /// The history of a holding viewer is there: it is written, then what came meanwhile beyond it. A viewer that is
    /// ahead of the stream joins with the first frame that it does not have.
    public func release(_ id: ViewerID, history: [Frame], rejoin: Rejoin, writer: Writer) {
        guard let viewer = viewer(id) else { return }
        let topic = topic(viewer.first.topic)
        guard let position = topic.holders.firstIndex(where: { $0.viewer == id }) else { return }
        let holder = topic.holders.remove(at: position)
        let kept = topic.retained(for: holder)
        topic.forgetUnneeded()
        let owed = kept.drop { frame in frame.position.map { rejoin.relation(to: $0) == .known } ?? false }
        let present = kept.last?.position ?? rejoin.joinedAt
        if let first = owed.first?.position, rejoin.relation(to: first) == .unclear {
            topic.stray.append(id)
            return
        }
        if owed.isEmpty, rejoin.isAhead(of: present) {
            topic.ahead.append(.init(viewer: id, rejoin: rejoin))
        } else {
            join(id, topic, holding: false)
        }
        let frames = history + owed
        if !frames.isEmpty { write(Chunk.joining(frames), events: frames.count, to: viewer.socket, writer: writer) }
    }

    /// The topic whose log a viewer follows.
    func log(of id: ViewerID) -> TopicID? { viewer(id)?.first.topic }

    public func socket(of id: ViewerID) -> SocketHandle? { viewer(id)?.socket }

    /// Viewers that have to come back: the frames since they began to hold are over the limit, or their place in the
    /// stream is not known any more.
    public func viewersToSendBack(of topicID: TopicID) -> [ViewerID] {
        guard let topic = existing(topicID) else { return [] }
        let isOver = topic.retainedBytes > settings.retainedBytesMax
        guard isOver || !topic.stray.isEmpty else { return [] }
        return topic.stray + (isOver ? topic.holders.map(\.viewer) : [])
    }

    // MARK: Frames

    /// Appends an event to a topic. Without viewers here there is nothing to do.
    public func append(_ frame: Frame, to topicID: TopicID) {
        guard let topic = existing(topicID) else { return }
        let waiting = topic.pendingStates.count
        if frame.kind != .state { pendingBytes += frame.bytes.count }
        if !topic.append(frame) || (frame.kind == .state && topic.pendingStates.count == waiting) {
            counts.conflated += 1
        }
        enqueue(topic)
    }

    private func enqueue(_ topic: Topic) {
        guard !topic.isQueued else { return }
        topic.isQueued = true
        queue.append(topic.id)
    }

    /// Puts a topic back that waited for its interval.
    public func resume(_ topicID: TopicID) {
        if let topic = existing(topicID), topic.hasWork { enqueue(topic) }
    }

    // MARK: Rounds

    /// Writes one slice.
    public func work(now: UInt64, writer: Writer) -> Work {
        var budget = settings.writesPerSlice
        while budget > 0, let topicID = queue.popFirst() {
            guard let topic = existing(topicID) else { continue }
            topic.isQueued = false
            if topic.round == nil {
                let earliest = topic.lastRoundStart + settings.flushIntervalNanoseconds
                if settings.flushIntervalNanoseconds > 0, now < earliest { return .later(topic: topicID, at: earliest) }
                budget -= startRound(of: topic, now: now, writer: writer)
            }
            budget -= continueRound(of: topic, writes: budget, writer: writer)
            if topic.hasWork { enqueue(topic) }
        }
        return queue.isEmpty ? .none : .more
    }

    private func startRound(of topic: Topic, now: UInt64, writer: Writer) -> Int {
        let states = topic.pendingStates
        let (frames, first) = topic.takePending()
        guard !frames.isEmpty else { return 0 }
        for frame in frames where frame.kind != .state { pendingBytes -= frame.bytes.count }
        topic.lastRoundStart = now
        let joiners = topic.joiners
        topic.joiners = []
        for joiner in joiners where joiner.sequence <= first { promote(joiner, topic) }
        topic.round = .init(
            chunk: Chunk.joining(frames), events: frames.count, cursor: 0, end: topic.viewers.count)
        var writes = sendStates(states, pastTheLogOf: topic, writer: writer)
        for joiner in joiners where joiner.sequence > first {
            promote(joiner, topic)
            let owed = frames.dropFirst(Int(joiner.sequence - first))
            guard !owed.isEmpty, let socket = viewer(joiner.viewer)?.socket else { continue }
            write(Chunk.joining(owed), events: owed.count, to: socket, writer: writer)
            writes += 1
        }
        return writes
    }

    /// Whoever waits for its place in the log gets states all the same: they have no place in it.
    private func sendStates(_ states: [Frame], pastTheLogOf topic: Topic, writer: Writer) -> Int {
        guard !states.isEmpty, !topic.holders.isEmpty || !topic.ahead.isEmpty else { return 0 }
        let chunk = Chunk.joining(states)
        let waiting = topic.holders.map(\.viewer) + topic.ahead.map(\.viewer)
        for id in waiting {
            if let socket = viewer(id)?.socket { write(chunk, events: states.count, to: socket, writer: writer) }
        }
        return waiting.count
    }

    private func promote(_ joiner: Topic.Joiner, _ topic: Topic) {
        viewers[Int(joiner.viewer)]?.setIndex(topic.add(joiner.viewer), in: topic.id)
    }

    private func continueRound(of topic: Topic, writes budget: Int, writer: Writer) -> Int {
        guard var round = topic.round else { return 0 }
        let stop = min(round.end, round.cursor + max(budget, 1))
        let started = round.cursor
        while round.cursor < stop {
            // A viewer is never taken out in the middle of a slice: closed sockets are told after it.
            if let viewer = viewers[Int(topic.viewers[round.cursor])] {
                _ = writer.send(round.chunk, to: viewer.socket)
            }
            round.cursor += 1
        }
        counts.writes += round.cursor - started
        counts.events += (round.cursor - started) * round.events
        topic.round = round.cursor == round.end ? nil : round
        return round.cursor - started
    }

    private func write(_ chunk: [UInt8], events: Int, to socket: SocketHandle, writer: Writer) {
        counts.writes += 1
        counts.events += events
        _ = writer.send(chunk, to: socket)
    }

    public func takeCounts() -> Counts {
        defer { counts = Counts() }
        return counts
    }

    // MARK: Tables

    private func topic(_ id: TopicID) -> Topic {
        if let topic = existing(id) { return topic }
        while topics.count <= Int(id) { topics.append(nil) }
        let topic = Topic(id: id)
        topics[Int(id)] = topic
        return topic
    }

    @inline(__always)
    private func existing(_ id: TopicID) -> Topic? {
        Int(id) < topics.count ? topics[Int(id)] : nil
    }

    @inline(__always)
    private func viewer(_ id: ViewerID) -> Viewer? {
        Int(id) < viewers.count ? viewers[Int(id)] : nil
    }
}

@available(*, unavailable)
extension LoopHub: Sendable {}
