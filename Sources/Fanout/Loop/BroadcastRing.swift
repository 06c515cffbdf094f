internal import DequeModule

/// The viewers of a topic in a ring, and the frames that some of them do not have yet.
///
/// A cursor goes round while there is something to write. Each member that it passes gets, in one write, all frames that
/// came since it was passed last. So every member has a frame one round after it came, also when it came in the middle
/// of a round; rounds with a fixed set of frames would make it wait for the end of the present round, and then for its own.
struct BroadcastRing {
    struct Member {
        let viewer: ViewerID
        /// The number of the first frame that the viewer does not have; its low half, which is enough to tell it from
        /// the few frames that are kept.
        var next: UInt32
    }

    /// Frames from one number to another, as one write: encoded once for each protocol that somebody speaks.
    struct Portion {
        fileprivate let from: UInt32
        fileprivate let to: UInt32
        private let frames: [Frame]
        /// How many of them are messages of the log.
        let messages: Int
        private var stream: [UInt8] = []
        private var packets: [UInt8] = []

        fileprivate init(from: UInt32 = 0, to: UInt32 = 0, frames: [Frame] = []) {
            self.from = from
            self.to = to
            self.frames = frames
            messages = frames.messages
        }

        var events: Int { frames.count }

        /// For event streams.
        mutating func chunk() -> [UInt8] {
            if stream.isEmpty { stream = Chunk.joining(frames) }
            return stream
        }

        /// For sessions of Socket.IO.
        mutating func packets(of channel: ChannelTail) -> [UInt8] {
            if packets.isEmpty { packets = EventPacket.joining(frames, of: channel) }
            return packets
        }
    }

    private(set) var members: [Member] = []
    /// The number of the next frame that comes.
    private(set) var nextSequence: UInt64 = 0
    /// Bytes of log frames that are kept, because somebody may not have them yet.
    private(set) var bytes = 0
    private var frames: Deque<Frame?> = []
    private var cursor = 0
    /// Members to pass until everybody has everything.
    private var left = 0
    /// Members to pass until the round is over, and what everybody will have then. 0: no round is under way.
    private var roundLeft = 0
    private var roundSequence: UInt64 = 0
    private var portion = Portion()

    /// Somebody has not got everything.
    var hasWork: Bool { left > 0 }
    var isMidRound: Bool { roundLeft > 0 }
    private var firstSequence: UInt64 { nextSequence - UInt64(frames.count) }

    // MARK: Frames

    /// `true` when the frame took the place of an older state that somebody did not have yet.
    mutating func append(_ frame: Frame) -> Bool {
        let replaced = frame.kind == .state && forget(state: frame.stateKey)
        nextSequence += 1
        guard !members.isEmpty else { return replaced }
        frames.append(frame)
        if frame.kind != .state { bytes += frame.bytes.count }
        left = members.count
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
        portion = Portion()
        return true
    }

    // MARK: Rounds

    mutating func startRound() {
        roundLeft = members.count
        roundSequence = nextSequence
    }

    /// Passes up to `limit` members, and not beyond the end of the round. Returns how many.
    mutating func pass(members limit: Int, write: (ViewerID, inout Portion) -> Void) -> Int {
        let steps = min(limit, left, roundLeft)
        let next = UInt32(truncatingIfNeeded: nextSequence)
        for _ in 0..<steps {
            let member = members[cursor]
            if member.next != next {
                if portion.from != member.next || portion.to != next {
                    let owed = frames.suffix(Int(next &- member.next)).compactMap(\.self)
                    portion = Portion(from: member.next, to: next, frames: owed)
                }
                if portion.events > 0 { write(member.viewer, &portion) }
                members[cursor].next = next
            }
            cursor += 1
            if cursor == members.count { cursor = 0 }
        }
        left -= steps
        roundLeft -= steps
        endRoundIfOver()
        return steps
    }

    private mutating func endRoundIfOver() {
        if left == 0 {
            roundLeft = 0
            forgetFrames(before: nextSequence)
        } else if roundLeft == 0 {
            forgetFrames(before: roundSequence)
        }
    }

    private mutating func forgetFrames(before sequence: UInt64) {
        guard sequence > firstSequence else { return }
        for _ in firstSequence..<sequence {
            if let frame = frames.removeFirst(), frame.kind != .state { bytes -= frame.bytes.count }
        }
        portion = Portion()
    }

    // MARK: Members

    /// Adds a member, which gets what comes from now on. Returns its index.
    mutating func add(_ viewer: ViewerID) -> UInt32 {
        members.append(Member(viewer: viewer, next: UInt32(truncatingIfNeeded: nextSequence)))
        // The members that still have to be passed may be those up to the end of the list and some at its beginning.
        if left > 0 { left += 1 }
        if roundLeft > 0 { roundLeft += 1 }
        return UInt32(members.count - 1)
    }

    /// Removes the member at `index`, and calls `moved` with every viewer that moved and its new index.
    ///
    /// Behind the cursor are those who were passed. Nobody is moved there who was not, so that the cursor misses nobody.
    mutating func remove(at index: Int, moved: (ViewerID, UInt32) -> Void) {
        var hole = index
        if hole < cursor {
            cursor -= 1
            hole = move(from: cursor, to: hole, moved: moved)
        }
        _ = move(from: members.count - 1, to: hole, moved: moved)
        members.removeLast()
        if cursor == members.count { cursor = 0 }
        // A member from the end of the list may now be at the cursor: one that was passed, in place of one that was not.
        if left > 0 { left = min(left + 1, members.count) }
        if roundLeft > 0 { roundLeft = min(roundLeft + 1, members.count) }
        endRoundIfOver()
    }

    private mutating func move(from source: Int, to hole: Int, moved: (ViewerID, UInt32) -> Void) -> Int {
        if source != hole {
            members[hole] = members[source]
            moved(members[hole].viewer, UInt32(hole))
        }
        return source
    }
}
