internal import Broker
internal import Wire

/// What a Reader knows of one channel that somebody watches, or is about to watch.
struct ChannelEntry {
    enum Phase: Equatable {
        /// SUBSCRIBE was sent; nobody is attached yet. Then `positioning`.
        case subscribing
        /// Redis acknowledged; the newest position is being read. Then `live`.
        case positioning
        /// Viewers get what comes.
        case live
        /// The connection to Redis was lost; viewers stay. Then `repairing`, once Redis acknowledged again.
        case stale
        /// The history is being read. Then `live`.
        case repairing
    }

    let topic: TopicID
    var phase = Phase.subscribing
    /// Connects that wait for the channel or hold a reservation, and viewers.
    var references = 0
    var viewersByLoop: [Int32]
    /// Viewers whose place is another Reader, of those whose log this is.
    var displaced: Int32 = 0
    var sequencer = Sequencer(at: .beginning)
    /// The newest message that came while the position was being read.
    private var newestSeen: Position?
    var waiters: [WaiterID] = []
    /// Number of the latest query. The answer to an older one, which may have been read before the present subscription
    /// was acknowledged, is ignored.
    var query: UInt64 = 0
    /// The newest state of each name since the subscription was acknowledged, for viewers who attach.
    private(set) var states: [Frame] = []

    var viewers: Int { viewersByLoop.reduce(0) { $0 + Int($1) } }
    /// Whether nobody is here but viewers whose place is another Reader.
    var isExtra: Bool { displaced > 0 && viewers == displaced }
    /// Whether a viewer may be attached.
    var isReady: Bool { phase == .live || phase == .repairing && sequencer.position != .beginning }

    init(topic: TopicID, loops: Int) {
        self.topic = topic
        self.viewersByLoop = Array(repeating: 0, count: loops)
    }

    // MARK: Positioning

    mutating func beginPositioning() {
        phase = .positioning
        newestSeen = nil
    }

    /// A message came while the position was being read. It may be a repetition of an older one.
    mutating func saw(_ position: Position) {
        if let newestSeen, newestSeen.epoch == position.epoch, newestSeen.offset > position.offset { return }
        newestSeen = position
    }

    /// The position that was read, or the one seen meanwhile if that is newer; `nil` when they cannot be compared.
    func newest(_ read: Position?) -> Position? {
        guard let newestSeen else { return read ?? .beginning }
        guard let read else { return newestSeen }
        guard newestSeen.epoch == read.epoch else { return nil }
        return newestSeen.offset > read.offset ? newestSeen : read
    }

    // MARK: States

    /// Keeps a state event for viewers who attach later.
    mutating func keep(_ state: Frame) {
        if let known = states.firstIndex(where: { $0.stateKey == state.stateKey }) {
            states[known] = state
        } else if states.count < Topic.stateNamesMax {
            states.append(state)
        }
    }

    /// Keeps a snapshot unless an event of that name came first; then `false`.
    mutating func keepSnapshot(_ state: Frame) -> Bool {
        guard !states.contains(where: { $0.stateKey == state.stateKey }) else { return false }
        keep(state)
        return true
    }

    /// Events may have been missed, so the states may be old.
    mutating func forgetStates() { states = [] }
}
