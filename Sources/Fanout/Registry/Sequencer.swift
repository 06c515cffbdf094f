internal import Broker
internal import Wire

/// The order of one channel's log: nothing is delivered twice or out of order, and a gap stands where events are lost.
/// Pure: takes messages and pages of history, and says what to do.
struct Sequencer {
    enum Phase: Equatable {
        /// Everything up to the position was delivered; the next message is expected to follow it.
        case live
        /// Messages may be missing after the position: new ones are held until the history was read.
        case repairing
    }

    enum Verdict: Equatable {
        case deliver
        /// Delivered before.
        case duplicate
        /// Held until the repair is over (or dropped over the limit, and then read from the history).
        case held
        /// Held, and the history after ``Sequencer/position`` is needed.
        case repair
    }

    struct Outcome: Equatable {
        /// To be delivered, in this order.
        var frames: [Frame] = []
        /// The history has to be read once more, after ``Sequencer/position``.
        var readsAgain = false
    }

    /// Messages held during a repair. The history has them too, so more are dropped and read from there.
    static let heldMax = 1024
    /// Complete reads of the history after which a hole becomes a gap instead of another read.
    static let attemptsMax = 5

    private(set) var phase = Phase.live
    private(set) var position: Position
    private var held: [BrokerMessage] = []
    /// So many of them came before the history was read, which is newer.
    private var heldBeforeReading = 0
    private var droppedWhileRepairing = false
    private var attempts = 0

    init(at position: Position) {
        self.position = position
    }

    /// A message of the subscription. State events have no order.
    mutating func received(_ message: BrokerMessage) -> Verdict {
        guard let next = message.position else { return .deliver }
        guard phase == .live else {
            hold(message)
            return .held
        }
        if next.epoch == position.epoch {
            if next.offset <= position.offset { return .duplicate }
            if next.offset == position.offset + 1 {
                position = next
                return .deliver
            }
        } else if position == .beginning, next.offset == 1 {
            position = next
            return .deliver
        }
        phase = .repairing
        hold(message)
        heldBeforeReading = held.count
        return .repair
    }

    /// Messages may have been missed: the history is needed before anything is delivered.
    ///
    /// It has what was held until now as well, unless Redis came back with less. Then those are lost, as viewers who came
    /// meanwhile have been told, and may not follow.
    mutating func interrupted() {
        phase = .repairing
        held = []
        heldBeforeReading = 0
        droppedWhileRepairing = false
        attempts = 0
    }

    private mutating func hold(_ message: BrokerMessage) {
        if held.count < Sequencer.heldMax {
            held.append(message)
        } else {
            droppedWhileRepairing = true
        }
    }

    /// The history after ``position`` was read.
    mutating func repaired(with page: HistoryPage) -> Outcome {
        var outcome = Outcome()
        guard absorb(page, into: &outcome) else { return readAgain(outcome) }
        attempts += 1
        phase = .live
        let waiting = page.position == nil ? held : withoutLost(held, page)
        held = []
        for (index, message) in waiting.enumerated() {
            switch received(message) {
            case .deliver: outcome.frames.append(Frame(message))
            case .duplicate: break
            case .held, .repair:
                guard attempts >= Sequencer.attemptsMax else {
                    held = Array(waiting[index...])
                    return readAgain(outcome)
                }
                resolve(message, historyIsKnown: page.position != nil, into: &outcome)
            }
        }
        return finish(outcome)
    }

    /// A message that came before the history was read is lost when it is not of the history's epoch, or lies behind the end
    /// of a history that goes on from there.
    private func withoutLost(_ messages: [BrokerMessage], _ page: HistoryPage) -> [BrokerMessage] {
        messages.enumerated().filter { index, message in
            guard index < heldBeforeReading, let place = message.position else { return true }
            return place.epoch == position.epoch && (!page.continuesHere || place.offset <= position.offset)
        }.map(\.element)
    }

    private mutating func finish(_ outcome: Outcome) -> Outcome {
        heldBeforeReading = 0
        guard droppedWhileRepairing else {
            attempts = 0
            return outcome
        }
        droppedWhileRepairing = false
        phase = .repairing
        return readAgain(outcome)
    }

    private mutating func readAgain(_ outcome: Outcome) -> Outcome {
        heldBeforeReading = held.count
        var outcome = outcome
        outcome.readsAgain = true
        return outcome
    }

    /// `false` when there is more to read.
    private mutating func absorb(_ page: HistoryPage, into outcome: inout Outcome) -> Bool {
        guard let newest = page.position else { return true }
        guard newest.epoch == position.epoch else {
            let start = Position(offset: 0, epoch: newest.epoch)
            if position != .beginning { outcome.frames.append(Gap.lostEpoch(after: position, goingOnAt: start).frame) }
            position = start
            return newest.offset == 0
        }
        if page.continuesHere, newest.offset < position.offset {
            var frame = Gap(reason: .unknownPosition, at: newest).frame
            frame.goesBack = true
            position = newest
            outcome.frames.append(frame)
        }
        for (frame, _) in page.frames(after: position.offset) {
            position = frame.position ?? position
            outcome.frames.append(frame)
        }
        if page.isCut { return false }
        if newest.offset > position.offset { position = newest }
        return true
    }

    /// The history does not lead to this message, however often it is read.
    private mutating func resolve(_ message: BrokerMessage, historyIsKnown: Bool, into outcome: inout Outcome) {
        phase = .live
        held = []
        guard let next = message.position else { return }
        // The history's epoch is the newer one: this message was on its way when its own was lost.
        if historyIsKnown, next.epoch != position.epoch { return }
        appendHole(before: next, into: &outcome)
        position = next
        outcome.frames.append(Frame(message))
    }

    private func appendHole(before next: Position, into outcome: inout Outcome) {
        let before = Position(offset: next.offset - min(next.offset, 1), epoch: next.epoch)
        if next.epoch != position.epoch, position != .beginning {
            outcome.frames.append(Gap.lostEpoch(after: position, goingOnAt: before).frame)
        } else if position.offset < before.offset {
            let gap = Gap(from: position.offset + 1, to: before.offset, reason: .unreadable, at: before)
            outcome.frames.append(gap.frame)
        }
    }
}

extension Frame {
    init(_ message: BrokerMessage) {
        self.init(message.frame, kind: message.position.map { .log($0) } ?? .state)
        times = message.times
    }
}

extension HistoryPage {
    /// Frames for the entries and the missing offsets beyond `offset`, in order. With a gap: where it begins.
    func frames(after offset: UInt64) -> [(frame: Frame, gapStart: UInt64?)] {
        guard let epoch = position?.epoch else { return [] }
        var frames: [(frame: Frame, gapStart: UInt64?)] = []
        for entry in entries where entry.offset > offset {
            frames.append((Frame(entry.frame, kind: .log(Position(offset: entry.offset, epoch: epoch))), nil))
        }
        guard !missing.isEmpty else { return frames }
        for range in missing where range.upperBound > offset {
            frames.append((Gap.expired(range, epoch: epoch).frame, range.lowerBound))
        }
        return frames.sorted { $0.frame.position?.offset ?? 0 < $1.frame.position?.offset ?? 0 }
    }
}
