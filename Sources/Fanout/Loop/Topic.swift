/// A channel on one loop: who watches it here, what waits to be written, and who waits for its history.
final class Topic {
    let id: TopicID
    /// Those who get what comes, and what they do not have yet.
    var carousel = Carousel()
    /// Those who came back and are not in the stream yet; nearly no topic has any.
    private(set) var returning: Returning?
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

    var isAbandoned: Bool { carousel.seats.isEmpty && returning == nil }

    func hold(_ viewer: ViewerID) {
        if returning == nil { returning = Returning() }
        returning?.hold(viewer, from: carousel.nextSequence)
    }

    func forgetReturningIfEmpty() {
        if returning?.isEmpty == true { returning = nil }
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
        } else {
            returning?.keep(frame, carousel.nextSequence)
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
}
