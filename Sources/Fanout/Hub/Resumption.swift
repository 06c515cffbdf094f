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
    let position: Position
}

/// The frames that bring a viewer from its position to the present, out of pages of history. Pure.
struct CatchUp {
    private var sequencer: Sequencer
    private(set) var frames: [Frame] = []
    private(set) var isFinished = false
    private var pages = 0

    /// Pages are bounded by the history's length; this bounds them whatever the broker says.
    static let pagesMax = 64

    init(from position: Position) {
        sequencer = Sequencer(at: position)
        sequencer.interrupted()
    }

    var position: Position { sequencer.position }

    mutating func take(_ page: HistoryPage) {
        pages += 1
        if pages == 1, let newest = newestIfUnknown(page) {
            frames = [Gap(reason: .unknownPosition, at: newest).frame]
            sequencer = Sequencer(at: newest)
            isFinished = true
            return
        }
        let outcome = sequencer.repaired(with: page)
        frames += outcome.frames
        isFinished = !outcome.readsAgain || pages >= CatchUp.pagesMax
    }

    /// The channel's newest position, when it has not reached the one that the viewer names: a foreign one, an invented
    /// one, or one of a channel that Redis knows nothing of any more.
    private func newestIfUnknown(_ page: HistoryPage) -> Position? {
        guard let newest = page.position else { return position == .beginning ? nil : .beginning }
        return newest.epoch == position.epoch && newest.offset < position.offset ? newest : nil
    }
}
