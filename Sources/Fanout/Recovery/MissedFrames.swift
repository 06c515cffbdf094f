/// A scan of a history, and its size in memory until the last of its viewers has everything.
struct SharedHistory: Hashable, Sendable {
    let number: UInt64
    let bytes: Int
}

/// What a recovering viewer has missed, in order.
///
/// The log is shared by all viewers of one scan, whatever their positions; only `opening` and `closing` are its own.
struct MissedFrames: Sendable {
    let history: SharedHistory
    /// For this viewer alone: a gap that begins or ends at its own position.
    var opening: ArraySlice<Frame> = []
    var log: ArraySlice<Frame> = []
    /// Likewise, after the log.
    var closing: ArraySlice<Frame> = []

    var frames: [Frame] { Array(opening + log + closing) }

    /// Takes the first frames, until they are `room` bytes or more; `room` becomes what is left.
    mutating func take(_ room: inout Int, into frames: inout [Frame]) {
        while room > 0, let frame = opening.popFirst() ?? log.popFirst() ?? closing.popFirst() {
            frames.append(frame)
            room -= frame.bytes.count
        }
    }
}

/// The histories that viewers of a loop are recovering from. Each counts once, however many share it, until the last of
/// them has everything.
struct RecoveryMemory {
    private var viewers: [UInt64: Set<ViewerID>] = [:]
    private(set) var bytes = 0

    var isEmpty: Bool { viewers.isEmpty }

    mutating func retain(_ history: SharedHistory, for viewer: ViewerID) {
        if viewers[history.number] == nil { bytes += history.bytes }
        viewers[history.number, default: []].insert(viewer)
    }

    mutating func release(_ history: SharedHistory, by viewer: ViewerID) {
        guard viewers[history.number]?.remove(viewer) != nil, viewers[history.number]?.isEmpty == true else { return }
        viewers[history.number] = nil
        bytes -= history.bytes
    }

    /// The viewers of the oldest history, if more than `max` bytes are retained. A single one may be larger: its viewers
    /// would be disconnected by it every time.
    func slowest(over max: Int) -> [ViewerID] {
        guard bytes > max, viewers.count > 1, let oldest = viewers.keys.min() else { return [] }
        return viewers[oldest]?.sorted() ?? []
    }
}
