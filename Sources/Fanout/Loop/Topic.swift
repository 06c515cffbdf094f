/// A channel on one loop: who watches it here, what waits to be written, and who waits for its history.
final class Topic {
    /// A viewer whose history is being read. It gets nothing until the history is there.
    struct Holder {
        let viewer: ViewerID
        let sequence: UInt64
    }

    /// A viewer whose history reached further than the messages that came here so far. What it has, it must not get
    /// again; it joins with the first frame behind it.
    struct Ahead {
        let viewer: ViewerID
        /// The last offset that it has.
        let offset: UInt64
    }

    let id: TopicID
    /// Those who get what comes, and what they do not have yet.
    var carousel = Carousel()
    var holders: [Holder] = []
    private(set) var ahead: [Ahead] = []
    /// Frames since the oldest holder came, once for all holders.
    private(set) var retained: [(sequence: UInt64, frame: Frame)] = []
    private(set) var retainedBytes = 0
    /// The newest state of each name, for whoever joins.
    private(set) var latestStates: [Frame] = []
    var isQueued = false
    /// A timer will put it into the queue.
    var isResting = false
    var lastLapStart: UInt64 = 0

    init(id: TopicID) {
        self.id = id
    }

    /// State names of one channel: likes, viewers; more are refused, since each is kept.
    static let stateNamesMax = 8

    var isAbandoned: Bool { carousel.seats.isEmpty && holders.isEmpty && ahead.isEmpty }

    func wait(_ viewer: ViewerID, behind offset: UInt64) {
        ahead.append(Ahead(viewer: viewer, offset: offset))
    }

    /// Those for whom `frame` is new. A gap or another notice is new for everybody.
    func takeCaughtUp(by frame: Frame) -> [ViewerID] {
        guard !ahead.isEmpty, frame.kind != .state else { return [] }
        var caughtUp: [ViewerID] = []
        ahead.removeAll { waiting in
            if case .log(let offset) = frame.kind, offset <= waiting.offset { return false }
            caughtUp.append(waiting.viewer)
            return true
        }
        return caughtUp
    }

    func removeWaiting(_ viewer: ViewerID) {
        holders.removeAll { $0.viewer == viewer }
        ahead.removeAll { $0.viewer == viewer }
        forgetRetainedIfUnneeded()
    }

    enum Reception {
        case taken
        /// It took the place of an older state, which some viewers did not get.
        case conflated
        /// One name of a state too many.
        case refused
    }

    func append(_ frame: Frame) -> Reception {
        if frame.kind == .state {
            guard remember(state: frame) else { return .refused }
        } else if !holders.isEmpty {
            retained.append((carousel.nextSequence, frame))
            retainedBytes += frame.bytes.count
        }
        return carousel.append(frame) ? .conflated : .taken
    }

    /// A state for those who join; nobody who is here is written to.
    func seed(_ frame: Frame) {
        guard latestStates.count < Topic.stateNamesMax else { return }
        if !latestStates.contains(where: { $0.stateKey == frame.stateKey }) { latestStates.append(frame) }
    }

    private func remember(state frame: Frame) -> Bool {
        let key = frame.stateKey
        if let known = latestStates.firstIndex(where: { $0.stateKey == key }) {
            latestStates[known] = frame
            return true
        }
        guard latestStates.count < Topic.stateNamesMax else { return false }
        latestStates.append(frame)
        return true
    }

    /// The frames that a holder is owed beyond `offset`, which its history reached.
    func retained(for holder: Holder, after offset: UInt64) -> [Frame] {
        retained.lazy.filter { entry in
            guard entry.sequence >= holder.sequence else { return false }
            if case .log(let own) = entry.frame.kind { return own > offset }
            return true
        }.map(\.frame)
    }

    func forgetRetainedIfUnneeded() {
        guard holders.isEmpty else { return }
        retained = []
        retainedBytes = 0
    }
}
