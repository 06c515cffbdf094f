internal import Broker
internal import Wire

/// Where a viewer says it was, as far as that can be made out.
public enum ResumePoint: Equatable, Sendable {
    /// It named no position: it starts now.
    case now
    case after(String)
}

/// A viewer whose history is to be read.
struct Resumption: Sendable {
    let id: ResumptionID
    let channel: Channel
    let loop: Int
    /// Where the viewer says it was.
    let position: Position
    /// Where the channel's stream stood when the viewer was attached: frames are kept for it from there on.
    let joinedAt: Position
}

/// The frames that bring a viewer from its position to the present, out of pages of history. Pure.
struct CatchUp {
    private var sequencer: Sequencer
    private let joinedAt: Position
    private(set) var frames: [Frame] = []
    private(set) var isFinished = false
    private var pages = 0
    /// Whether the history said in which epoch it is.
    private var historyIsKnown = false

    /// Pages are bounded by the history's length; this bounds them whatever the broker says.
    static let pagesMax = 64

    init(from position: Position, joinedAt: Position) {
        sequencer = Sequencer(at: position)
        sequencer.interrupted()
        self.joinedAt = joinedAt
    }

    var position: Position { sequencer.position }

    /// Where the viewer comes back into the stream. Meaningful once finished.
    var rejoin: Rejoin { Rejoin(reached: position, joinedAt: joinedAt) }

    mutating func take(_ page: HistoryPage) {
        pages += 1
        if page.position != nil { historyIsKnown = true }
        if pages == 1, let newest = newestIfUnknown(page) {
            frames = [Gap(reason: .unknownPosition, at: newest).frame]
            sequencer = Sequencer(at: newest)
            finish()
            return
        }
        let outcome = sequencer.repaired(with: page)
        frames += outcome.frames
        if !outcome.readsAgain || pages >= CatchUp.pagesMax { finish() }
    }

    /// Where the viewer goes on when neither the history nor the stream has reached the position that it names: a
    /// foreign or an invented one, one that Redis has lost, or one of a channel that it knows nothing of any more.
    private func newestIfUnknown(_ page: HistoryPage) -> Position? {
        guard let newest = page.position else {
            return joinedAt == .beginning && position != .beginning ? .beginning : nil
        }
        guard newest.epoch == position.epoch, newest.offset < position.offset else {
            return nil
        }
        guard joinedAt.epoch == position.epoch, joinedAt.offset > newest.offset else { return newest }
        return joinedAt.offset < position.offset ? joinedAt : nil
    }

    /// The stream has passed on what the history no longer has: what lies between them is told.
    private mutating func finish() {
        isFinished = true
        if position.epoch == joinedAt.epoch || position == .beginning && !historyIsKnown {
            guard position.offset < joinedAt.offset else { return }
            frames.append(Gap(from: position.offset + 1, to: joinedAt.offset, reason: .expired, at: joinedAt).frame)
        } else if !historyIsKnown {
            frames.append(Gap.lostEpoch(after: position, goingOnAt: joinedAt).frame)
        } else {
            // The history's epoch is not the stream's: it is newer, since it was read after the viewer was attached.
            return
        }
        sequencer = Sequencer(at: joinedAt)
    }
}
