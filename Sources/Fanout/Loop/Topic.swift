/// A channel on one loop: who watches it here, what waits to be written, and the round that is under way.
///
/// `viewers` has three regions while a round runs: written (`..<round.cursor`), to be written (`..<round.end`), and
/// those who came after the round began. Removing keeps the regions whole.
final class Topic {
    /// One write to every viewer. It is cut into slices, so that a giant does not hold up its neighbours.
    struct Round {
        let chunk: [UInt8]
        let events: Int
        var cursor: Int
        var end: Int
    }

    /// A viewer that came while older frames were waiting, and must not get them.
    struct Joiner {
        let viewer: ViewerID
        /// The number of the first frame that it gets.
        let sequence: UInt64
    }

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
    var viewers: [ViewerID] = []
    var joiners: [Joiner] = []
    var holders: [Holder] = []
    private(set) var ahead: [Ahead] = []
    /// Frames since the oldest holder came, once for all holders.
    private(set) var retained: [(sequence: UInt64, frame: Frame)] = []
    private(set) var retainedBytes = 0
    private(set) var pending: [Frame] = []
    private(set) var pendingStates: [Frame] = []
    /// The newest state of each name, for whoever joins.
    private(set) var latestStates: [Frame] = []
    /// The number of the next frame that comes.
    private(set) var nextSequence: UInt64 = 0
    var round: Round?
    var isQueued = false
    var lastRoundStart: UInt64 = 0

    init(id: TopicID) {
        self.id = id
    }

    /// State names of one channel: likes, viewers; more are refused, since each is kept.
    static let stateNamesMax = 8

    var hasWork: Bool { round != nil || !pending.isEmpty || !pendingStates.isEmpty }
    var isAbandoned: Bool { viewers.isEmpty && joiners.isEmpty && holders.isEmpty && ahead.isEmpty }

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
        joiners.removeAll { $0.viewer == viewer }
        holders.removeAll { $0.viewer == viewer }
        ahead.removeAll { $0.viewer == viewer }
        forgetRetainedIfUnneeded()
    }

    /// `false` when the frame was refused.
    func append(_ frame: Frame) -> Bool {
        if frame.kind == .state { return conflate(frame) }
        if !holders.isEmpty {
            retained.append((nextSequence, frame))
            retainedBytes += frame.bytes.count
        }
        pending.append(frame)
        nextSequence += 1
        return true
    }

    /// A state for those who join; nobody who is here is written to.
    func seed(_ frame: Frame) {
        guard latestStates.count < Topic.stateNamesMax else { return }
        if !latestStates.contains(where: { $0.stateKey == frame.stateKey }) { latestStates.append(frame) }
    }

    private func conflate(_ frame: Frame) -> Bool {
        let key = frame.stateKey
        if let known = latestStates.firstIndex(where: { $0.stateKey == key }) {
            latestStates[known] = frame
        } else if latestStates.count < Topic.stateNamesMax {
            latestStates.append(frame)
        } else {
            return false
        }
        if let waiting = pendingStates.firstIndex(where: { $0.stateKey == key }) {
            pendingStates[waiting] = frame
        } else {
            pendingStates.append(frame)
        }
        return true
    }

    /// Empties what waits into one chunk. The number of the first log frame in it comes with it.
    func takePending() -> (frames: [Frame], first: UInt64) {
        let first = nextSequence - UInt64(pending.count)
        let frames = pending + pendingStates
        pending.removeAll(keepingCapacity: pending.count < 64)
        pendingStates.removeAll(keepingCapacity: true)
        return (frames, first)
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

    // MARK: The list of viewers

    func add(_ viewer: ViewerID) -> UInt32 {
        viewers.append(viewer)
        return UInt32(viewers.count - 1)
    }

    /// Removes the viewer at `index` and reports every viewer that moved, with its new index.
    func remove(at index: Int, moved: (ViewerID, UInt32) -> Void) {
        var hole = index
        if var round {
            if hole < round.cursor {
                round.cursor -= 1
                hole = move(from: round.cursor, to: hole, moved: moved)
            }
            if hole < round.end {
                round.end -= 1
                hole = move(from: round.end, to: hole, moved: moved)
            }
            self.round = round
        }
        _ = move(from: viewers.count - 1, to: hole, moved: moved)
        viewers.removeLast()
    }

    private func move(from source: Int, to hole: Int, moved: (ViewerID, UInt32) -> Void) -> Int {
        if source != hole {
            viewers[hole] = viewers[source]
            moved(viewers[hole], UInt32(hole))
        }
        return source
    }
}
