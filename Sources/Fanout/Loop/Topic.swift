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

    /// A viewer whose history is being read. It gets nothing of the log until the history is there.
    struct Holder {
        let viewer: ViewerID
        let sequence: UInt64
    }

    /// A viewer that already has what the stream will bring next.
    struct Ahead {
        let viewer: ViewerID
        let rejoin: Rejoin
    }

    let id: TopicID
    var viewers: [ViewerID] = []
    var joiners: [Joiner] = []
    /// In the order of their coming.
    var holders: [Holder] = []
    var ahead: [Ahead] = []
    /// Viewers whose place in the stream is not known any more.
    var stray: [ViewerID] = []
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
    var isAbandoned: Bool {
        viewers.isEmpty && joiners.isEmpty && holders.isEmpty && ahead.isEmpty && stray.isEmpty
    }

    /// `false` when the frame was refused.
    func append(_ frame: Frame) -> Bool {
        if frame.kind == .state { return conflate(frame) }
        if !holders.isEmpty {
            retained.append((nextSequence, frame))
            retainedBytes += frame.bytes.count
        }
        if !ahead.isEmpty { admitThoseReached(by: frame) }
        pending.append(frame)
        nextSequence += 1
        return true
    }

    private func admitThoseReached(by frame: Frame) {
        guard let position = frame.position else { return }
        ahead.removeAll { waiting in
            switch waiting.rejoin.relation(to: position) {
            case .known: return false
            case .beyond: joiners.append(.init(viewer: waiting.viewer, sequence: nextSequence))
            case .unclear: stray.append(waiting.viewer)
            }
            return true
        }
    }

    func removeWaiting(_ viewer: ViewerID) {
        joiners.removeAll { $0.viewer == viewer }
        holders.removeAll { $0.viewer == viewer }
        ahead.removeAll { $0.viewer == viewer }
        stray.removeAll { $0 == viewer }
        forgetUnneeded()
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

    /// The frames that came since a holder began to wait.
    func retained(for holder: Holder) -> [Frame] {
        retained.lazy.filter { $0.sequence >= holder.sequence }.map(\.frame)
    }

    /// Drops retained frames that came before the oldest holder, once they are half of all.
    func forgetUnneeded() {
        guard let oldest = holders.first?.sequence, let first = retained.first?.sequence else {
            retained = []
            retainedBytes = 0
            return
        }
        let unneeded = Int(min(oldest - min(oldest, first), UInt64(retained.count)))
        guard unneeded > 0, unneeded * 2 >= retained.count else { return }
        for entry in retained[..<unneeded] { retainedBytes -= entry.frame.bytes.count }
        retained.removeFirst(unneeded)
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
