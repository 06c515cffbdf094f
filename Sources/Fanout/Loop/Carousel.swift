internal import DequeModule

/// The viewers of a topic in a ring, and the frames that some of them do not have yet.
///
/// A cursor goes round and round while there is something to write. Whoever it comes to gets, in one write, all that came
/// since it was there last. So every frame is with everybody one lap after it came, also when it came in the middle of a
/// lap; rounds that begin with a fixed set of frames would make it wait for the end of the round under way, and then for
/// its own.
struct Carousel {
    struct Seat {
        let viewer: ViewerID
        /// The number of the first frame that the viewer does not have; its low half, which is enough to tell it from
        /// the few frames that are kept.
        var next: UInt32
    }

    /// Frames from one number to another, as one write.
    private struct Portion {
        var from: UInt32
        var to: UInt32
        var chunk: [UInt8]
        var events: Int
    }

    private(set) var seats: [Seat] = []
    /// The number of the next frame that comes.
    private(set) var nextSequence: UInt64 = 0
    /// Bytes of log frames that are kept, because somebody may not have them yet.
    private(set) var bytes = 0
    private var frames: Deque<Frame?> = []
    private var cursor = 0
    /// Seats to pass until everybody has everything.
    private var left = 0
    /// Seats to pass until the lap is over, and what everybody will have then. 0: no lap is under way.
    private var lapLeft = 0
    private var lapSequence: UInt64 = 0
    private var portion: Portion?

    /// Somebody has not got everything.
    var hasWork: Bool { left > 0 }
    var isMidLap: Bool { lapLeft > 0 }
    private var firstSequence: UInt64 { nextSequence - UInt64(frames.count) }

    // MARK: Frames

    /// `true` when the frame took the place of an older state that somebody did not have yet.
    mutating func append(_ frame: Frame) -> Bool {
        let replaced = frame.kind == .state && forget(state: frame.stateKey)
        nextSequence += 1
        guard !seats.isEmpty else { return replaced }
        frames.append(frame)
        if frame.kind != .state { bytes += frame.bytes.count }
        left = seats.count
        return replaced
    }

    private mutating func forget(state key: ArraySlice<UInt8>) -> Bool {
        guard
            let older = frames.lastIndex(where: { frame in
                guard let frame, frame.kind == .state else { return false }
                return frame.stateKey == key
            })
        else { return false }
        frames[older] = nil
        portion = nil
        return true
    }

    // MARK: Laps

    mutating func beginLap() {
        lapLeft = seats.count
        lapSequence = nextSequence
    }

    /// Passes up to `limit` seats, and not beyond the end of the lap. Returns how many.
    mutating func pass(seats limit: Int, write: (ViewerID, _ chunk: [UInt8], _ events: Int) -> Void) -> Int {
        let steps = min(limit, left, lapLeft)
        let next = UInt32(truncatingIfNeeded: nextSequence)
        for _ in 0..<steps {
            let seat = seats[cursor]
            if seat.next != next {
                let portion = portion(from: seat.next, to: next)
                if portion.events > 0 { write(seat.viewer, portion.chunk, portion.events) }
                seats[cursor].next = next
            }
            cursor += 1
            if cursor == seats.count { cursor = 0 }
        }
        left -= steps
        lapLeft -= steps
        endLapIfOver()
        return steps
    }

    private mutating func portion(from: UInt32, to: UInt32) -> Portion {
        if let portion, portion.from == from, portion.to == to { return portion }
        let count = Int(to &- from)
        let owed = frames.suffix(count).compactMap(\.self)
        let made = Portion(
            from: from, to: to, chunk: owed.isEmpty ? [] : Chunk.joining(owed), events: owed.count)
        portion = made
        return made
    }

    private mutating func endLapIfOver() {
        if left == 0 {
            lapLeft = 0
            forgetFrames(before: nextSequence)
        } else if lapLeft == 0 {
            forgetFrames(before: lapSequence)
        }
    }

    private mutating func forgetFrames(before sequence: UInt64) {
        guard sequence > firstSequence else { return }
        for _ in firstSequence..<sequence {
            if let frame = frames.removeFirst(), frame.kind != .state { bytes -= frame.bytes.count }
        }
        portion = nil
    }

    // MARK: Seats

    /// Whoever comes gets what comes from now on. Returns the index of its seat.
    mutating func add(_ viewer: ViewerID) -> UInt32 {
        seats.append(Seat(viewer: viewer, next: UInt32(truncatingIfNeeded: nextSequence)))
        // The seats that still have to be passed may be those up to the end of the list and some at its beginning.
        if left > 0 { left += 1 }
        if lapLeft > 0 { lapLeft += 1 }
        return UInt32(seats.count - 1)
    }

    /// Removes the seat at `index` and reports every viewer that moved, with its new index.
    ///
    /// Behind the cursor are those who were passed. Nobody is moved there who was not, so that the cursor misses nobody.
    mutating func remove(at index: Int, moved: (ViewerID, UInt32) -> Void) {
        var hole = index
        if hole < cursor {
            cursor -= 1
            hole = move(from: cursor, to: hole, moved: moved)
        }
        _ = move(from: seats.count - 1, to: hole, moved: moved)
        seats.removeLast()
        if cursor == seats.count { cursor = 0 }
        // A seat from the end of the list may have come to the cursor: one that had its turn, in place of one that had not.
        if left > 0 { left = min(left + 1, seats.count) }
        if lapLeft > 0 { lapLeft = min(lapLeft + 1, seats.count) }
        endLapIfOver()
    }

    private mutating func move(from source: Int, to hole: Int, moved: (ViewerID, UInt32) -> Void) -> Int {
        if source != hole {
            seats[hole] = seats[source]
            moved(seats[hole].viewer, UInt32(hole))
        }
        return source
    }
}
