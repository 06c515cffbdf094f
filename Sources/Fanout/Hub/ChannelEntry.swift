internal import Broker
internal import Wire

/// What a Reader knows of one channel that somebody watches or is about to watch.
struct ChannelEntry {
    enum Phase: Equatable {
        /// Asked Redis; nobody is attached yet. Then `positioning`.
        case subscribing
        /// Redis acknowledged; the position is being read. Then `live`.
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
    /// Connects that wait for the channel or hold a place on it, and viewers.
    var interest = 0
    var viewersByLoop: [Int32]
    var sequencer = Sequencer(at: .beginning)
    /// The newest message that came while the position was being read; see ``hear(_:)``.
    var heard: Position?
    var waiters: [WaiterID] = []
    /// The reading that was begun last: the answer to an older one, which may have been read before the present
    /// subscription stood, is not taken.
    var reading: UInt64 = 0
    /// Nobody is interested since then (monotonic nanoseconds): after the cool-down the channel is given up.
    var idleSince: UInt64?

    /// The newest state of each name since the subscription stands, for viewers who come.
    private(set) var states: [Frame] = []

    var viewers: Int { viewersByLoop.reduce(0) { $0 + Int($1) } }
    /// Whether a viewer may be attached.
    var isReady: Bool { phase == .live || phase == .repairing && sequencer.position != .beginning }

    /// A message came while the position was being read. It may be one that came before, once more.
    mutating func hear(_ position: Position) {
        if let heard, heard.epoch == position.epoch, heard.offset > position.offset { return }
        heard = position
    }

    /// The position that was read, or the one heard meanwhile if that is newer; `nil` when the two cannot be compared.
    func newest(_ read: Position?) -> Position? {
        guard let heard else { return read ?? .beginning }
        guard let read else { return heard }
        guard heard.epoch == read.epoch else { return nil }
        return heard.offset > read.offset ? heard : read
    }

    init(topic: TopicID, loops: Int) {
        self.topic = topic
        self.viewersByLoop = Array(repeating: 0, count: loops)
    }

    /// Keeps a state event for those who come.
    mutating func note(_ state: Frame) {
        if let known = states.firstIndex(where: { $0.stateKey == state.stateKey }) {
            states[known] = state
        } else if states.count < Topic.stateNamesMax {
            states.append(state)
        }
    }

    /// Keeps a snapshot unless an event of that name came first. `false`: it came too late.
    mutating func noteSnapshot(_ state: Frame) -> Bool {
        guard !states.contains(where: { $0.stateKey == state.stateKey }) else { return false }
        note(state)
        return true
    }

    /// Events may have been missed: what is known may be old.
    mutating func forgetStates() { states = [] }
}

/// Names a connect that waits for its channel.
typealias WaiterID = UInt64
