internal import Broker
internal import Wire

/// One channel's history from an offset on, read page by page, and what of it each viewer has missed. Pure.
///
/// It serves viewers at any position at or behind its beginning; frames are made once for all of them.
struct HistoryReading {
    /// Pages are bounded by the history's length; this bounds them whatever the broker says.
    static let pagesMax = 64

    /// Offsets after this one were asked for.
    private(set) var after: UInt64
    /// Log events and gaps between them, in order.
    private var frames: [Frame] = []
    /// Where the gaps among them begin, by their index.
    private var gapStarts: [Int: UInt64] = [:]
    private(set) var bytes = 0
    /// The newest position that the history told of; `nil`: it knows nothing of the channel.
    private var newest: Position?
    /// Everything up to here is read or told missing.
    private var reached: UInt64
    private var pages = 0
    private(set) var isFinished = false

    init(after offset: UInt64) {
        after = offset
        reached = offset
    }

    /// The history is needed after this offset.
    var question: UInt64 { reached }

    // MARK: Pages

    mutating func take(_ page: HistoryPage) {
        pages += 1
        if let newest, page.position?.epoch != newest.epoch {
            // Redis lost its data between two pages: what was read is of a history that is no more.
            beginAgain()
            if page.position != nil { return }
        }
        newest = page.position
        for range in absorb(page) { tell(range) }
        if !page.isCut { reached = max(reached, page.position?.offset ?? 0) }
        isFinished = !page.isCut || pages >= Self.pagesMax
    }

    private mutating func beginAgain() {
        let before = pages
        self = HistoryReading(after: 0)
        pages = before
        isFinished = pages >= Self.pagesMax
    }

    /// What is missing behind the last entry comes back.
    private mutating func absorb(_ page: HistoryPage) -> ArraySlice<ClosedRange<UInt64>> {
        var missing = page.missing[...]
        guard let epoch = page.position?.epoch else { return [] }
        for entry in page.entries where entry.offset > reached {
            while let range = missing.first, range.lowerBound < entry.offset {
                tell(range)
                missing = missing.dropFirst()
            }
            append(Frame(entry.frame, kind: .log(Position(offset: entry.offset, epoch: epoch))))
            reached = entry.offset
        }
        return missing
    }

    private mutating func tell(_ range: ClosedRange<UInt64>) {
        guard range.upperBound > reached, let newest else { return }
        gapStarts[frames.count] = range.lowerBound
        append(Self.gap(range, newest.epoch))
        reached = range.upperBound
    }

    private mutating func append(_ frame: Frame) {
        frames.append(frame)
        bytes += frame.bytes.count
    }

    private static func gap(_ range: ClosedRange<UInt64>, _ epoch: String) -> Frame {
        let end = Position(offset: range.upperBound, epoch: epoch)
        return Gap(from: range.lowerBound, to: range.upperBound, reason: .expired, at: end).frame
    }

    // MARK: Viewers

    /// What one viewer missed, and where it then stands.
    struct Missed {
        var opening: [Frame] = []
        var log: ArraySlice<Frame> = []
        var closing: [Frame] = []
        var reached: Position
    }

    /// - Parameters:
    ///   - position: where the viewer says it was.
    ///   - joinedAt: where the stream stood when it was attached.
    /// - Returns: `nil` when the history would have to be read from further back.
    func missed(after position: Position, joinedAt: Position) -> Missed? {
        guard let newest else { return withoutHistory(position, joinedAt) }
        guard newest.epoch == position.epoch else {
            guard after == 0 else { return nil }
            return wholeHistory(position, joinedAt, newest)
        }
        if newest.offset < position.offset { return beyondHistory(position, joinedAt, newest) }
        guard position.offset >= after else { return nil }
        return closed(part(after: position.offset, newest), joinedAt)
    }

    private func part(after offset: UInt64, _ newest: Position) -> Missed {
        var missed = Missed(reached: Position(offset: max(offset, reached), epoch: newest.epoch))
        var first = index(after: offset)
        if let start = gapStarts[first], let end = frames[first].position {
            missed.opening = [Self.gap(max(start, offset + 1)...end.offset, newest.epoch)]
            first += 1
        }
        missed.log = frames[first...]
        return missed
    }

    /// The first frame behind an offset.
    private func index(after offset: UInt64) -> Int {
        var (low, high) = (0, frames.count)
        while low < high {
            let middle = (low + high) / 2
            if frames[middle].position?.offset ?? 0 <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func wholeHistory(_ position: Position, _ joinedAt: Position, _ newest: Position) -> Missed {
        var missed = Missed(log: frames[...], reached: Position(offset: reached, epoch: newest.epoch))
        if position != .beginning {
            let start = Position(offset: 0, epoch: newest.epoch)
            missed.opening = [Gap.lostEpoch(after: position, goingOnAt: start).frame]
        }
        return closed(missed, joinedAt)
    }

    /// The history has not reached the position that the viewer names: a foreign or an invented one, or Redis has lost
    /// what the stream has passed on.
    private func beyondHistory(_ position: Position, _ joinedAt: Position, _ newest: Position) -> Missed {
        // The stream proves the loss. What comes next lies beyond all that was ever given out, so the viewer may wait.
        if joinedAt.epoch == position.epoch, joinedAt.offset > newest.offset {
            return closed(Missed(reached: position), joinedAt)
        }
        return closed(Missed(opening: [Gap(reason: .unknownPosition, at: newest).frame], reached: newest), joinedAt)
    }

    /// The history knows nothing of the channel.
    private func withoutHistory(_ position: Position, _ joinedAt: Position) -> Missed {
        if position == .beginning || position.epoch == joinedAt.epoch {
            return closed(Missed(reached: Position(offset: position.offset, epoch: joinedAt.epoch)), joinedAt)
        }
        if joinedAt == .beginning {
            return Missed(opening: [Gap(reason: .unknownPosition, at: joinedAt).frame], reached: joinedAt)
        }
        // Two epochs, both lost, and nobody knows which is older. The next event begins a third one: until then the
        // viewer waits, and then it is sent back to be told.
        return Missed(reached: position)
    }

    /// The stream has passed on what the history no longer has: what lies between them is told. A history of another
    /// epoch than the stream's is newer, since it was read after the viewer was attached.
    private func closed(_ missed: Missed, _ joinedAt: Position) -> Missed {
        guard missed.reached.epoch == joinedAt.epoch, missed.reached.offset < joinedAt.offset else { return missed }
        var missed = missed
        missed.closing = [Self.gap(missed.reached.offset + 1...joinedAt.offset, joinedAt.epoch)]
        missed.reached = joinedAt
        return missed
    }
}
