/// A channel on one loop: who watches it here, what waits to be written, and who waits for its history.
final class Topic {
    /// A viewer whose history is being read. It gets nothing until the history is there.
    struct Holder {
        let viewer: ViewerID
        /// The number of the first frame that is kept for it.
        let sequence: UInt64
    }

    /// A viewer that already has what the stream will bring next.
    struct Ahead {
        let viewer: ViewerID
        let rejoin: Rejoin
        /// The number of the first frame that it has not got; states among them are owed.
        let sequence: UInt64
    }

    let id: TopicID
    /// Those who get what comes, and what they do not have yet.
    var carousel = Carousel()
    /// In the order of their coming.
    var holders: [Holder] = []
    var ahead: [Ahead] = []
    /// Viewers whose place in the stream is not known any more.
    var stray: [ViewerID] = []
    /// Frames since the oldest holder came, once for all holders.
    private(set) var retained: [(sequence: UInt64, frame: Frame)] = []
    private(set) var retainedBytes = 0
    /// The newest state of each name, for whoever joins.
    private(set) var latestStates: [Frame] = []
    /// The number of the next frame when the last state came.
    private var statesSequence: UInt64 = 0
    var isQueued = false
    /// A timer will put it into the queue.
    var isResting = false
    var lastLapStart: UInt64 = 0

    init(id: TopicID) {
        self.id = id
    }

    /// State names of one channel: likes, viewers; more are refused, since each is kept.
    static let stateNamesMax = 8

    var isAbandoned: Bool { carousel.seats.isEmpty && holders.isEmpty && ahead.isEmpty && stray.isEmpty }

    /// Takes out those for whom `frame` is new: they join before it.
    func takeReached(by frame: Frame) -> [Ahead] {
        guard !ahead.isEmpty, let position = frame.position else { return [] }
        var reached: [Ahead] = []
        ahead.removeAll { waiting in
            switch waiting.rejoin.relation(to: position) {
            case .known: return false
            case .beyond: reached.append(waiting)
            case .unclear: stray.append(waiting.viewer)
            }
            return true
        }
        return reached
    }

    func removeWaiting(_ viewer: ViewerID) {
        holders.removeAll { $0.viewer == viewer }
        ahead.removeAll { $0.viewer == viewer }
        stray.removeAll { $0 == viewer }
        forgetUnneeded()
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
        statesSequence = carousel.nextSequence + 1
        if let known = latestStates.firstIndex(where: { $0.stateKey == key }) {
            latestStates[known] = frame
            return true
        }
        guard latestStates.count < Topic.stateNamesMax else { return false }
        latestStates.append(frame)
        return true
    }

    /// The states that somebody missed who got none since the frame of this number.
    func states(since sequence: UInt64) -> [Frame] { statesSequence > sequence ? latestStates : [] }

    /// The frames of the log that came since a holder began to wait.
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
        guard first < oldest else { return }
        let unneeded = retained.prefix { $0.sequence < oldest }.count
        guard unneeded * 2 >= retained.count else { return }
        for entry in retained[..<unneeded] { retainedBytes -= entry.frame.bytes.count }
        retained.removeFirst(unneeded)
    }
}
