internal import DequeModule
internal import Wire

/// Viewers of a topic who recover and are not in its ring yet, and the frames that are retained for them.
///
/// Each waits while its history is read; then it is fed what it missed, piece by piece, as fast as its socket takes it,
/// and then the retained frames; when nothing is left it joins the ring. A viewer that is ahead of the stream waits for
/// the first frame that it does not have.
final class RecoveringViewers {
    struct Member {
        /// The number of the next frame when the viewer was attached; states since then are owed to it.
        let since: UInt64
        /// The number of the first retained frame that it has not got.
        var next: UInt64
        var feed: Feed?
    }

    /// A member whose history has been read.
    struct Feed {
        var missed: MissedFrames
        let cursor: RecoveryCursor
        /// Where the stream was after the last retained frame that was looked at.
        var position: Position
        /// A retained frame lay beyond what the viewer has; then all later ones do.
        var isBeyond = false
        /// When it was fed last, in monotonic nanoseconds.
        var fedAt: UInt64
    }

    /// A viewer that already has what the stream will bring next.
    struct Ahead {
        let viewer: ViewerID
        let cursor: RecoveryCursor
        let since: UInt64
        /// When it began to wait, in monotonic nanoseconds.
        let at: UInt64
    }

    /// A stream that has not reached a viewer after so many nanoseconds never will: the history that the viewer was given is of
    /// a Redis that had been replaced.
    static let aheadMax: UInt64 = 5_000_000_000

    /// Frames for a viewer, as one write.
    struct Piece {
        var frames: [Frame] = []
        /// Set with the last piece: what follows, and since when states are owed.
        var end: (outcome: Outcome, since: UInt64)?
    }

    enum Outcome: Equatable {
        case joins
        /// It waits until the stream has reached it.
        case waits
        /// Its place in the stream is unknown: it has to reconnect.
        case reconnects
    }

    private var members: [ViewerID: Member] = [:]
    /// In the order in which they came.
    private var ahead: [Ahead] = []
    /// A timer will look at them.
    var isTimed = false
    /// Viewers that have to reconnect, since their place in the stream is unknown.
    private(set) var lost: [ViewerID] = []
    /// Frames of the log from the first that a member may need, once for all members.
    private var retained: Deque<(sequence: UInt64, frame: Frame)> = []
    private(set) var retainedBytes = 0
    /// Retained bytes at which frames are dropped that nobody needs.
    private var trimsAt = 0

    var isEmpty: Bool { members.isEmpty && ahead.isEmpty && lost.isEmpty }

    // MARK: Members

    func add(_ viewer: ViewerID, from sequence: UInt64) {
        members[viewer] = Member(since: sequence, next: sequence)
    }

    /// The history of a member was read. `false`: there is no such member.
    func beginFeed(_ missed: MissedFrames, to viewer: ViewerID, _ cursor: RecoveryCursor, now: UInt64) -> Bool {
        guard members[viewer] != nil else { return false }
        members[viewer]?.feed = Feed(missed: missed, cursor: cursor, position: cursor.attachedAt, fedAt: now)
        return true
    }

    /// Returns the history that the viewer was fed from.
    func remove(_ viewer: ViewerID) -> SharedHistory? {
        ahead.removeAll { $0.viewer == viewer }
        lost.removeAll { $0 == viewer }
        let history = members.removeValue(forKey: viewer)?.feed?.missed.history
        if members.isEmpty {
            (retained, retainedBytes, trimsAt) = ([], 0, 0)
        }
        return history
    }

    /// When a viewer that is being fed got something last.
    func fedAt(_ viewer: ViewerID) -> UInt64? { members[viewer]?.feed?.fedAt }

    // MARK: The stream

    func retain(_ frame: Frame, _ sequence: UInt64) {
        guard !members.isEmpty else { return }
        retained.append((sequence, frame))
        retainedBytes += frame.bytes.count
    }

    /// Takes out those for whom `frame` is new: they join before it.
    func takeReached(by frame: Frame) -> [Ahead] {
        guard !ahead.isEmpty, let position = frame.position else { return [] }
        var reached: [Ahead] = []
        ahead.removeAll { waiting in
            switch frame.goesBack ? .unclear : waiting.cursor.relation(to: position) {
            case .known: return false
            case .beyond: reached.append(waiting)
            case .unclear: lost.append(waiting.viewer)
            }
            return true
        }
        return reached
    }

    /// Whoever has been ahead for too long has to reconnect. Returns when to look again; `nil`: nobody is ahead.
    func endLongAhead(now: UInt64) -> UInt64? {
        while let first = ahead.first, now >= first.at + Self.aheadMax {
            lost.append(first.viewer)
            ahead.removeFirst()
        }
        return ahead.first.map { $0.at + Self.aheadMax }
    }

    // MARK: Feeding

    /// The next frames for a viewer that is being fed: about `bytes`, but at least one while there are any.
    func nextPiece(for viewer: ViewerID, bytes: Int, now: UInt64) -> Piece? {
        guard var member = members[viewer], var feed = member.feed else { return nil }
        var piece = Piece()
        var room = bytes
        feed.missed.take(&room, into: &piece.frames)
        let outcome = takeRetained(&member, &feed, &room, &piece.frames)
        feed.fedAt = now
        member.feed = feed
        members[viewer] = member
        if let outcome { piece.end = (outcome, member.since) }
        return piece
    }

    /// A viewer got its last piece.
    func end(_ viewer: ViewerID, _ outcome: Outcome, at sequence: UInt64) -> SharedHistory? {
        guard let feed = members[viewer]?.feed else { return nil }
        let history = remove(viewer)
        switch outcome {
        case .joins: break
        case .waits: ahead.append(Ahead(viewer: viewer, cursor: feed.cursor, since: sequence, at: feed.fedAt))
        case .reconnects: lost.append(viewer)
        }
        return history
    }

    /// The outcome, when nothing is left.
    private func takeRetained(
        _ member: inout Member, _ feed: inout Feed, _ room: inout Int, _ frames: inout [Frame]
    ) -> Outcome? {
        let next = member.next
        var index = retained.partitioningIndex { $0.sequence >= next }
        while room > 0 {
            guard index < retained.count else {
                return feed.isBeyond || !feed.cursor.isAhead(of: feed.position) ? .joins : .waits
            }
            let (sequence, frame) = retained[index]
            if let position = frame.position { feed.position = position }
            if !feed.isBeyond {
                switch frame.goesBack ? .unclear : feed.cursor.relation(to: feed.position) {
                case .known: break
                case .beyond: feed.isBeyond = true
                case .unclear: return .reconnects
                }
            }
            if feed.isBeyond {
                frames.append(frame)
                room -= frame.bytes.count
            }
            member.next = sequence + 1
            index += 1
        }
        return nil
    }

    // MARK: The limit

    /// Viewers for whom more than `bytes` would have to be retained, those furthest behind; they have to reconnect.
    func late(retaining bytes: Int) -> [ViewerID] {
        guard retainedBytes > min(max(trimsAt, bytes / 4), bytes) else { return [] }
        let oldest = members.values.lazy.map(\.next).min() ?? .max
        while let first = retained.first, first.sequence < oldest {
            retainedBytes -= first.frame.bytes.count
            retained.removeFirst()
        }
        trimsAt = retainedBytes + bytes / 4
        guard retainedBytes > bytes else { return [] }
        return members.filter { $0.value.next == oldest }.keys.sorted()
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index at which `predicate` holds; all after it must fulfil it too.
    func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
