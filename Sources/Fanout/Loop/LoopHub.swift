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
        /// Shortest time between the starts of two laps of a topic.
        public var flushIntervalNanoseconds: UInt64
        /// Bytes kept for viewers who come back and are not in the stream yet, for one topic.
        public var retainedBytesMax: Int
        /// Bytes of histories that viewers are being fed from, for all topics. A history that several share counts once.
        public var missedBytesMax: Int
        /// Bytes that a viewer who comes back is given in one write; it gets more when the kernel has them.
        public var pieceBytes: Int

        public init(
            writesPerSlice: Int = 128, flushIntervalNanoseconds: UInt64 = 0, retainedBytesMax: Int = 4 << 20,
            missedBytesMax: Int = 64 << 20, pieceBytes: Int = 32 << 10
        ) {
            self.writesPerSlice = writesPerSlice
            self.flushIntervalNanoseconds = flushIntervalNanoseconds
            self.retainedBytesMax = retainedBytesMax
            self.missedBytesMax = missedBytesMax
            self.pieceBytes = pieceBytes
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
    /// Bytes of frames that are kept until everybody has them.
    public private(set) var pendingBytes = 0
    private let settings: Settings
    private var topics: [Topic?] = []
    private var viewers: [Viewer?] = []
    private var freeViewers: [ViewerID] = []
    private var queue: Deque<TopicID> = []
    private var heldReadings = HeldReadings()
    /// Viewers that came back into the stream and missed states meanwhile.
    private var owedStates: [(viewer: ViewerID, topic: TopicID)] = []

    public init(settings: Settings) {
        self.settings = settings
    }

    // MARK: Coming and going

    /// Adds a viewer of `topicIDs` (at least one; the first is its log). With `holding` it gets nothing of that one until
    /// ``release(_:missed:rejoin:writer:)``.
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
            topic.hold(viewer)
        } else {
            viewers[Int(viewer)]?.setIndex(topic.carousel.add(viewer), in: topic.id)
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
        let before = topic.carousel.bytes
        if index == Viewer.Membership.waiting {
            if let reading = topic.returning?.remove(id) { heldReadings.letGo(reading, by: id) }
            topic.forgetReturningIfEmpty()
        } else {
            topic.carousel.remove(at: Int(index)) { moved, index in
                viewers[Int(moved)]?.setIndex(index, in: topic.id)
            }
        }
        pendingBytes += topic.carousel.bytes - before
        if topic.isAbandoned { topics[Int(topic.id)] = nil }
    }

    // MARK: Frames

    /// Appends an event to a topic. Without viewers here there is nothing to do.
    public func append(_ frame: Frame, to topicID: TopicID) {
        guard let topic = existing(topicID) else { return }
        if let returning = topic.returning { admitThoseReached(by: frame, returning, topic) }
        let before = topic.carousel.bytes
        if topic.append(frame) != .taken { counts.conflated += 1 }
        pendingBytes += topic.carousel.bytes - before
        if topic.carousel.hasWork { enqueue(topic) }
    }

    private func enqueue(_ topic: Topic) {
        guard !topic.isQueued, !topic.isResting else { return }
        topic.isQueued = true
        queue.append(topic.id)
    }

    /// Puts a topic back that waited for its interval.
    public func resume(_ topicID: TopicID) {
        guard let topic = existing(topicID) else { return }
        topic.isResting = false
        if topic.carousel.hasWork { enqueue(topic) }
    }

    // MARK: Laps

    /// Writes one slice.
    public func work(now: UInt64, writer: Writer) -> Work {
        if !owedStates.isEmpty { sendOwedStates(writer) }
        var budget = settings.writesPerSlice
        while budget > 0, let topicID = queue.popFirst() {
            guard let topic = existing(topicID) else { continue }
            topic.isQueued = false
            if !topic.carousel.isMidLap {
                let earliest = topic.lastLapStart + settings.flushIntervalNanoseconds
                if settings.flushIntervalNanoseconds > 0, now < earliest {
                    topic.isResting = true
                    return .later(topic: topicID, at: earliest)
                }
                topic.carousel.beginLap()
                topic.lastLapStart = now
            }
            budget -= turn(topic, seats: budget, writer: writer)
            if topic.carousel.hasWork { enqueue(topic) }
        }
        return queue.isEmpty ? .none : .more
    }

    /// Those who were ahead of the stream and have not got this frame join before it.
    private func admitThoseReached(by frame: Frame, _ returning: Returning, _ topic: Topic) {
        for viewer in returning.takeReached(by: frame) {
            join(viewer.viewer, topic, holding: false)
            if !topic.states(since: viewer.since).isEmpty { owedStates.append((viewer.viewer, topic.id)) }
        }
        topic.forgetReturningIfEmpty()
    }

    private func sendOwedStates(_ writer: Writer) {
        for owed in owedStates {
            guard let states = existing(owed.topic)?.latestStates, !states.isEmpty,
                let viewer = viewer(owed.viewer), viewer.first.topic == owed.topic
            else { continue }
            write(states, to: viewer.socket, writer: writer)
        }
        owedStates = []
    }

    private func turn(_ topic: Topic, seats: Int, writer: Writer) -> Int {
        let before = topic.carousel.bytes
        var (writes, events) = (0, 0)
        // A viewer is never taken out in the middle of a slice: closed sockets are told after it.
        let passed = topic.carousel.pass(seats: seats) { id, chunk, count in
            guard let viewer = viewers[Int(id)] else { return }
            _ = writer.send(chunk, to: viewer.socket)
            writes += 1
            events += count
        }
        counts.writes += writes
        counts.events += events
        pendingBytes += topic.carousel.bytes - before
        return max(passed, 1)
    }

    @discardableResult
    private func write(_ frames: [Frame], to socket: SocketHandle, writer: Writer) -> Bool {
        counts.writes += 1
        counts.events += frames.count
        return writer.send(Chunk.joining(frames), to: socket)
    }

    /// The topic whose log a viewer follows.
    func log(of id: ViewerID) -> TopicID? { viewer(id)?.first.topic }

    public func socket(of id: ViewerID) -> SocketHandle? { viewer(id)?.socket }

    public func takeCounts() -> Counts {
        defer { counts = Counts() }
        return counts
    }

    // MARK: Coming back

    /// The history of a holding viewer is there: it is fed what it missed, then what came meanwhile, and joins the
    /// stream. What the connection does not take at once follows with ``feed(_:writer:)``.
    func release(_ id: ViewerID, missed: MissedLog, rejoin: Rejoin, writer: Writer) {
        guard let returning = log(of: id).flatMap({ existing($0) })?.returning else { return }
        guard returning.begin(missed, to: id, rejoin: rejoin) else { return }
        heldReadings.hold(missed.reading, for: id)
        feed(id, writer: writer)
    }

    /// The connection has taken what it was given: it gets the next pieces, if the viewer is being fed.
    func feed(_ id: ViewerID, writer: Writer) {
        guard !heldReadings.isEmpty, let viewer = viewer(id), let topic = existing(viewer.first.topic) else { return }
        while writer.backlogBytes(of: viewer.socket) == 0,
            let piece = topic.returning?.nextPiece(for: id, bytes: settings.pieceBytes)
        {
            var frames = piece.frames
            if let end = piece.end {
                frames += topic.states(since: end.since)
                goOn(id, end.way, topic)
            }
            if !frames.isEmpty, !write(frames, to: viewer.socket, writer: writer) { return }
        }
    }

    private func goOn(_ id: ViewerID, _ way: Returning.Way, _ topic: Topic) {
        if let reading = topic.returning?.end(id, way, at: topic.carousel.nextSequence) {
            heldReadings.letGo(reading, by: id)
        }
        if way == .stream { join(id, topic, holding: false) }
        topic.forgetReturningIfEmpty()
    }

    /// Whether a viewer is being fed and its connection has taken nothing since this was asked last.
    func isStuck(_ id: ViewerID) -> Bool {
        guard !heldReadings.isEmpty, let topic = log(of: id) else { return false }
        return existing(topic)?.returning?.isStuck(id) ?? false
    }

    /// Viewers that have to come back: their place in the stream is not known any more, or too much would have to be
    /// kept for them. To be asked again until nobody is left.
    func viewersToSendBack(of topicID: TopicID) -> [ViewerID] {
        guard let returning = existing(topicID)?.returning else { return [] }
        return returning.stray.isEmpty ? returning.late(keeping: settings.retainedBytesMax) : returning.stray
    }

    /// Whoever is fed from the oldest history, when histories hold more memory than they may.
    func viewersThatHoldTooMuch() -> [ViewerID] { heldReadings.slowest(over: settings.missedBytesMax) }

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
