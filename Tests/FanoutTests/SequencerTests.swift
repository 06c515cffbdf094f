import Broker
import Testing
import Wire

@testable import Fanout

@Suite struct SequencerTests {
    private let channel: Channel

    init() throws {
        channel = try #require(Channel.video("v"))
    }

    private func message(_ offset: UInt64, epoch: String = "e") -> BrokerMessage {
        BrokerMessage(
            channel: channel, position: Position(offset: offset, epoch: epoch),
            frame: Array("id: \(offset).\(epoch)\n\n".utf8))
    }

    private func page(
        _ offsets: [UInt64], newest: UInt64, epoch: String = "e", missing: [ClosedRange<UInt64>] = [],
        isCut: Bool = false
    ) -> HistoryPage {
        HistoryPage(
            position: Position(offset: newest, epoch: epoch),
            entries: offsets.map { HistoryEntry(offset: $0, frame: Array("id: \($0).\(epoch)\n\n".utf8)) },
            missing: missing, isCut: isCut)
    }

    private func offsets(_ outcome: Sequencer.Outcome) -> [UInt64?] {
        outcome.frames.map { if case .log(let position) = $0.kind { position.offset } else { nil } }
    }

    @Test func theNextIsDeliveredAndAnOldOneIsNot() {
        var sequencer = Sequencer(at: Position(offset: 4, epoch: "e"))
        #expect(sequencer.received(message(5)) == .deliver)
        #expect(sequencer.received(message(5)) == .duplicate)
        #expect(sequencer.received(message(3)) == .duplicate)
        #expect(sequencer.position.offset == 5)
    }

    @Test func aJumpIsRepairedBeforeAnythingPasses() {
        var sequencer = Sequencer(at: Position(offset: 4, epoch: "e"))
        #expect(sequencer.received(message(7)) == .repair)
        #expect(sequencer.received(message(8)) == .held)
        let outcome = sequencer.repaired(with: page([5, 6, 7], newest: 7))
        #expect(offsets(outcome) == [5, 6, 7, 8])
        #expect(!outcome.readsAgain)
        #expect(sequencer.received(message(9)) == .deliver)
    }

    @Test func aGapStandsInThePlaceOfWhatIsGone() {
        var sequencer = Sequencer(at: Position(offset: 4, epoch: "e"))
        sequencer.interrupted()
        let outcome = sequencer.repaired(with: page([20, 21], newest: 21, missing: [5...19]))
        #expect(offsets(outcome) == [nil, 20, 21])
        let text = String(decoding: outcome.frames[0].bytes, as: UTF8.self)
        #expect(text == "id: 19.e\nevent: gap\ndata: {\"from\":5,\"to\":19,\"reason\":\"expired\"}\n\n")
    }

    @Test func aGapStandsForALostHistoryAndTheNewOneIsReadFromItsStart() {
        var sequencer = Sequencer(at: Position(offset: 4, epoch: "old"))
        #expect(sequencer.received(message(2, epoch: "new")) == .repair)
        let first = sequencer.repaired(with: page([], newest: 2, epoch: "new"))
        #expect(first.readsAgain)
        #expect(sequencer.position == Position(offset: 0, epoch: "new"))
        #expect(String(decoding: first.frames[0].bytes, as: UTF8.self).contains("epoch_changed"))
        let second = sequencer.repaired(with: page([1, 2], newest: 2, epoch: "new"))
        #expect(offsets(second) == [1, 2])
    }

    /// Two histories were lost in a row; the message of the first came before the second was read.
    @Test func aMessageOfALostEpochIsNotKeptForLater() {
        var sequencer = Sequencer(at: Position(offset: 1, epoch: "a"))
        #expect(sequencer.received(message(1, epoch: "b")) == .repair)
        #expect(sequencer.received(message(1, epoch: "c")) == .held)
        #expect(sequencer.repaired(with: page([], newest: 1, epoch: "c")).readsAgain)
        let outcome = sequencer.repaired(with: page([1], newest: 1, epoch: "c"))
        #expect(offsets(outcome) == [1] && !outcome.readsAgain)
        #expect(sequencer.position == Position(offset: 1, epoch: "c"))
    }

    @Test func aChannelNobodyWroteToBeginsWithoutAGap() {
        var sequencer = Sequencer(at: .beginning)
        #expect(sequencer.received(message(1, epoch: "first")) == .deliver)
    }

    @Test func aRemovedEntryIsNoGap() {
        var sequencer = Sequencer(at: Position(offset: 4, epoch: "e"))
        sequencer.interrupted()
        #expect(offsets(sequencer.repaired(with: page([5, 7], newest: 8))) == [5, 7])
        #expect(sequencer.position.offset == 8)
    }

    @Test func aHoleThatTheHistoryNeverFillsBecomesAGap() {
        var sequencer = Sequencer(at: Position(offset: 4, epoch: "e"))
        #expect(sequencer.received(message(9)) == .repair)
        var outcome = sequencer.repaired(with: .empty)
        var readings = 1
        while outcome.readsAgain {
            outcome = sequencer.repaired(with: .empty)
            readings += 1
        }
        #expect(readings == Sequencer.attemptsMax)
        #expect(offsets(outcome) == [nil, 9])
        #expect(sequencer.received(message(10)) == .deliver)
    }

    @Test func moreThanCanBeHeldIsReadAgain() {
        var sequencer = Sequencer(at: Position(offset: 0, epoch: "e"))
        sequencer.interrupted()
        let count = UInt64(Sequencer.heldMax) + 10
        for offset in 1...count { #expect(sequencer.received(message(offset)) == .held) }
        let first = sequencer.repaired(with: page([], newest: 0))
        #expect(first.frames.count == Sequencer.heldMax)
        #expect(first.readsAgain)
        let rest = Array(UInt64(Sequencer.heldMax + 1)...count)
        #expect(offsets(sequencer.repaired(with: page(rest, newest: count))) == rest)
        #expect(sequencer.phase == .live)
    }
}
