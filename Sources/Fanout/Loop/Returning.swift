internal import DequeModule
internal import Wire

/// Viewers of a topic who came back and are not in its stream yet, and the frames that are kept for them.
///
/// The way of each: it is held while its history is being read; it is fed what it missed, piece by piece, as fast as its
/// connection takes it, and then what came meanwhile; when nothing is left it joins the stream. One that is ahead of the
/// stream waits for the first frame that it does not have.
final class Returning {
    struct Holder {
        /// The number of the next frame when it came; states since then are owed.
        let since: UInt64
        /// The number of the first kept frame that it has not got.
        var next: UInt64
        var feed: Feed?
    }

    /// A viewer whose history is there.
    struct Feed {
        var missed: MissedLog
        let rejoin: Rejoin
        /// Where the stream stood after the last kept frame that was looked at.
        var present: Position
        /// A kept frame lay beyond what the viewer has; then all later ones do.
        var isBeyond = false
        /// It has got something since somebody looked whether it is stuck.
        var hasMoved = true
    }

    /// A viewer that already has what the stream will bring next.
    struct Ahead {
        let viewer: ViewerID
        let rejoin: Rejoin
        let since: UInt64
    }

    /// Frames for a viewer, as one write.
    struct Piece {
        var frames: [Frame] = []
        /// Set with the last piece: where it goes on, and since when states are owed.
        var end: (way: Way, since: UInt64)?
    }

    enum Way: Equatable {
        case stream
        /// Held back until the stream has reached it.
        case wait
        /// Its place in the stream is not known any more: it has to come back.
        case back
    }

    private(set) var holders: [ViewerID: Holder] = [:]
    private(set) var ahead: [Ahead] = []
    /// Viewers that have to come back.
    private(set) var stray: [ViewerID] = []
    /// Frames of the log since the first that a holder may need, once for all holders.
    private var kept: Deque<(sequence: UInt64, frame: Frame)> = []
    private(set) var keptBytes = 0
    /// Kept bytes at which it is looked for frames that nobody needs.
    private var forgetsAt = 0

    var isEmpty: Bool { holders.isEmpty && ahead.isEmpty && stray.isEmpty }

    // MARK: Coming and going

    func hold(_ viewer: ViewerID, from sequence: UInt64) {
        holders[viewer] = Holder(since: sequence, next: sequence)
    }

    /// `false`: nobody of that number is held.
    func begin(_ missed: MissedLog, to viewer: ViewerID, rejoin: Rejoin) -> Bool {
        guard holders[viewer] != nil else { return false }
        holders[viewer]?.feed = Feed(missed: missed, rejoin: rejoin, present: rejoin.joinedAt)
        return true
    }

    /// The reading that the viewer was fed from comes back.
    func remove(_ viewer: ViewerID) -> MissedLog.Reading? {
        ahead.removeAll { $0.viewer == viewer }
        stray.removeAll { $0 == viewer }
        let reading = holders.removeValue(forKey: viewer)?.feed?.missed.reading
        if holders.isEmpty { forgetAll() }
        return reading
    }

    /// Whether a viewer is being fed and has got nothing since this was asked last.
    func isStuck(_ viewer: ViewerID) -> Bool {
        guard let feed = holders[viewer]?.feed else { return false }
        holders[viewer]?.feed?.hasMoved = false
        return !feed.hasMoved
    }

    // MARK: The stream

    func keep(_ frame: Frame, _ sequence: UInt64) {
        guard !holders.isEmpty else { return }
        kept.append((sequence, frame))
        keptBytes += frame.bytes.count
    }

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

    // MARK: Feeding

    /// The next frames for a viewer that is being fed: about `bytes`, but at least one while there are any. With the
    /// last piece it is not held any more.
    func nextPiece(for viewer: ViewerID, bytes: Int) -> Piece? {
        guard var holder = holders[viewer], var feed = holder.feed else { return nil }
        var piece = Piece()
        var room = bytes
        feed.missed.take(&room, into: &piece.frames)
        let way = takeKept(&holder, &feed, &room, &piece.frames)
        feed.hasMoved = true
        holder.feed = feed
        holders[viewer] = holder
        guard let way else { return piece }
        piece.end = (way, holder.since)
        return piece
    }

    /// A viewer that got its last piece goes its way.
    func end(_ viewer: ViewerID, _ way: Way, at sequence: UInt64) -> MissedLog.Reading? {
        guard let feed = holders[viewer]?.feed else { return nil }
        let reading = remove(viewer)
        switch way {
        case .stream: break
        case .wait: ahead.append(Ahead(viewer: viewer, rejoin: feed.rejoin, since: sequence))
        case .back: stray.append(viewer)
        }
        return reading
    }

    /// The way that the viewer goes when nothing is left.
    private func takeKept(
        _ holder: inout Holder, _ feed: inout Feed, _ room: inout Int, _ frames: inout [Frame]
    ) -> Way? {
        var index = firstKept(from: holder.next)
        while room > 0 {
            guard index < kept.count else {
                return feed.isBeyond || !feed.rejoin.isAhead(of: feed.present) ? .stream : .wait
            }
            let (sequence, frame) = kept[index]
            if let position = frame.position { feed.present = position }
            if !feed.isBeyond {
                switch feed.rejoin.relation(to: feed.present) {
                case .known: break
                case .beyond: feed.isBeyond = true
                case .unclear: return .back
                }
            }
            if feed.isBeyond {
                frames.append(frame)
                room -= frame.bytes.count
            }
            holder.next = sequence + 1
            index += 1
        }
        return nil
    }

    private func firstKept(from sequence: UInt64) -> Int {
        var (low, high) = (0, kept.count)
        while low < high {
            let middle = (low + high) / 2
            if kept[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: The limit

    /// Viewers for whom more than `bytes` would have to be kept, those furthest behind; they have to come back.
    func late(keeping bytes: Int) -> [ViewerID] {
        guard keptBytes > min(max(forgetsAt, bytes / 4), bytes) else { return [] }
        let oldest = holders.values.lazy.map(\.next).min() ?? .max
        while let first = kept.first, first.sequence < oldest {
            keptBytes -= first.frame.bytes.count
            kept.removeFirst()
        }
        forgetsAt = keptBytes + bytes / 4
        guard keptBytes > bytes else { return [] }
        return holders.filter { $0.value.next == oldest }.keys.sorted()
    }

    private func forgetAll() {
        kept = []
        keptBytes = 0
        forgetsAt = 0
    }
}
