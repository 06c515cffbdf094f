internal import Broker
internal import Wire

/// One channel's history from an offset on, read page by page, and what each viewer has missed of it. Pure.
///
/// It serves viewers at any position from its beginning on; frames are made once for all of them.
struct HistoryScan: Equatable {
    /// Pages are bounded by the history's length; this bounds them whatever the broker says.
    static let pagesMax = 64

    /// Log events and gaps among them, in order.
    private var frames: [Frame] = []
    /// Where the gaps among them begin, by their index.
    private var gapStarts: [Int: UInt64] = [:]
    private(set) var bytes = 0
    private let after: UInt64
    /// The newest position of the history; `nil`: it knows nothing of the channel.
    private var newest: Position?
    /// Everything up to here is among the frames; the next page is needed after it.
    private(set) var reached: UInt64
    private var pages = 0
    private(set) var isFinished = false

    init(after offset: UInt64) {
        after = offset
        reached = offset
    }

    // MARK: Pages

    mutating func append(_ page: HistoryPage) {
        pages += 1
        if let newest, page.position?.epoch != newest.epoch {
            // Redis lost its data between two pages: what was read is of a history that is lost.
            let before = pages
            self = HistoryScan(after: 0)
            pages = before
            isFinished = pages >= Self.pagesMax
            if page.position != nil { return }
        }
        newest = page.position
        for (frame, gapStart) in page.frames(after: reached) {
            if let gapStart { gapStarts[frames.count] = gapStart }
            frames.append(frame)
            bytes += frame.bytes.count
            reached = frame.position?.offset ?? reached
        }
        if !page.isCut { reached = max(reached, page.position?.offset ?? 0) }
        isFinished = !page.isCut || pages >= Self.pagesMax
    }

    // MARK: Viewers

    /// What one viewer missed, and the position that it reaches with it.
    typealias Missed = (frames: MissedFrames, reached: Position)

    /// - Parameters:
    ///   - position: where the viewer says it was.
    ///   - attachedAt: where the stream was when it was attached.
    ///   - history: this scan.
    /// - Returns: `nil` when the history has to be read from further back.
    func missed(after position: Position, attachedAt: Position, _ history: SharedHistory) -> Missed? {
        var missed = Missed(MissedFrames(history: history), reached: position)
        if let newest {
            if newest.epoch != position.epoch {
                guard after == 0 else { return nil }
                addAll(to: &missed, newest)
            } else if newest.offset < position.offset {
                // The stream proves that Redis lost events which it has delivered. The next event lies beyond every offset
                // that was ever given out: the viewer may wait. Otherwise the position is of another channel, or invented.
                if attachedAt.epoch != position.epoch || attachedAt.offset <= newest.offset {
                    missed.frames.opening = [Gap(reason: .unknownPosition, at: newest).frame]
                    missed.reached = newest
                }
            } else {
                guard position.offset >= after else { return nil }
                addPart(to: &missed, newest)
            }
        } else if position == .beginning || position.epoch == attachedAt.epoch {
            missed.reached = Position(offset: position.offset, epoch: attachedAt.epoch)
        } else if attachedAt == .beginning {
            missed.frames.opening = [Gap(reason: .unknownPosition, at: attachedAt).frame]
            missed.reached = attachedAt
        }
        // What is left: two epochs, both lost, and the order of the two is unknown. The next event begins a third one; the
        // viewer waits for it, and then has to reconnect to get a gap.
        close(&missed, attachedAt)
        return missed
    }

    /// All of the history, for a viewer of another epoch.
    private func addAll(to missed: inout Missed, _ newest: Position) {
        if missed.reached != .beginning {
            let start = Position(offset: 0, epoch: newest.epoch)
            missed.frames.opening = [Gap.lostEpoch(after: missed.reached, goingOnAt: start).frame]
        }
        missed.frames.log = frames[...]
        missed.reached = Position(offset: reached, epoch: newest.epoch)
    }

    /// The history after the viewer's position. It may lie in a gap.
    private func addPart(to missed: inout Missed, _ newest: Position) {
        let offset = missed.reached.offset
        var first = frames.partitioningIndex { $0.position?.offset ?? 0 > offset }
        if let start = gapStarts[first], let end = frames[first].position {
            missed.frames.opening = [Gap.expired(max(start, offset + 1)...end.offset, epoch: newest.epoch).frame]
            first += 1
        }
        missed.frames.log = frames[first...]
        missed.reached = Position(offset: max(offset, reached), epoch: newest.epoch)
    }

    /// The stream has delivered what the history no longer has: a gap stands for what lies between them. A history of
    /// another epoch than the stream's is newer, since it was read after the viewer was attached.
    private func close(_ missed: inout Missed, _ attachedAt: Position) {
        guard missed.reached.epoch == attachedAt.epoch, missed.reached.offset < attachedAt.offset else { return }
        let range = missed.reached.offset + 1...attachedAt.offset
        missed.frames.closing = [Gap.expired(range, epoch: attachedAt.epoch).frame]
        missed.reached = attachedAt
    }
}
