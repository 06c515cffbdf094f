internal import Broker
internal import Wire

/// The order of one channel's log, as a Reader passes it on: nothing twice, nothing out of place, and what cannot be
/// had is told.
///
/// Pure: takes messages and pages of history, and says what to do. A viewer that resumes goes through the same steps
/// with a sequencer of its own.
struct Sequencer {
    enum Phase: Equatable {
        /// Everything up to the position was passed on; the next message is expected to follow it.
        case live
        /// Messages may be missing behind the position: what comes is held until the history was read.
        case repairing
    }

    enum Verdict: Equatable {
        case deliver
        /// Passed on before.
        case duplicate
        /// Kept (or dropped over the limit, and then read again) until the repair is over.
        case held
        /// Kept, and the history after ``Sequencer/position`` is needed.
        case repair
    }

    struct Outcome: Equatable {
        /// To be passed on, in this order.
        var frames: [Frame] = []
        /// The history has to be read once more, after ``Sequencer/position``.
        var readsAgain = false
    }

    /// Messages kept during a repair. The history has them too, so more are dropped and read from there.
    static let heldMax = 1024
    /// Whole readings of the history after which a hole is told instead of read again.
    static let attemptsMax = 5

    private(set) var phase = Phase.live
    private(set) var position: Position
    private var held: [BrokerMessage] = []
    /// So many of them came before the history was asked for: what it says is newer.
    private var heldBeforeReading = 0
    private var droppedWhileRepairing = false
    private var attempts = 0

    init(at position: Position) {
        self.position = position
    }

    /// A message from the subscription. State events are not the sequencer's business.
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

    /// Messages may have been missed: the history is needed before anything is passed on.
    mutating func interrupted() {
        phase = .repairing
        heldBeforeReading = held.count
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
        let waiting = page.position == nil ? held : withoutLostEpochs(held)
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

    /// Messages that came before the history was read, and are not of its epoch, are of one that was lost.
    private func withoutLostEpochs(_ messages: [BrokerMessage]) -> [BrokerMessage] {
        messages.enumerated().filter { index, message in
            index >= heldBeforeReading || message.position?.epoch == position.epoch
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
        var missing = page.missing[...]
        for entry in page.entries where entry.offset > position.offset {
            while let range = missing.first, range.lowerBound < entry.offset {
                tell(range, into: &outcome)
                missing = missing.dropFirst()
            }
            position = Position(offset: entry.offset, epoch: newest.epoch)
            outcome.frames.append(Frame(entry.frame, kind: .log(position)))
        }
        for range in missing { tell(range, into: &outcome) }
        if page.isCut { return false }
        if newest.offset > position.offset { position = newest }
        return true
    }

    private mutating func tell(_ range: ClosedRange<UInt64>, into outcome: inout Outcome) {
        guard range.upperBound > position.offset else { return }
        position = Position(offset: range.upperBound, epoch: position.epoch)
        outcome.frames.append(Gap(from: range.lowerBound, to: range.upperBound, reason: .expired, at: position).frame)
    }

    /// The history does not lead to this message, however often it is read.
    private mutating func resolve(_ message: BrokerMessage, historyIsKnown: Bool, into outcome: inout Outcome) {
        phase = .live
        held = []
        guard let next = message.position else { return }
        // What the history is in now is the newer epoch: this message was under way when its own was lost.
        if historyIsKnown, next.epoch != position.epoch { return }
        tellHole(before: next, into: &outcome)
        position = next
        outcome.frames.append(Frame(message))
    }

    private func tellHole(before next: Position, into outcome: inout Outcome) {
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
        if let position = message.position {
            self.init(message.frame, kind: .log(position))
        } else {
            self.init(message.frame, kind: .state)
        }
    }
}
