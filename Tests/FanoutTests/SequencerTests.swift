import Broker
import Testing
import Wire

@testable import Fanout

@Suite struct SequencerTests {
    private func offsets(_ outcome: Sequencer.Outcome) -> [UInt64?] {
        outcome.frames.map { if case .log(let position) = $0.kind { position.offset } else { nil } }
    }

    @Test func theNextIsDeliveredAndAnOldOneIsNot() {
        var sequencer = Sequencer(at: at(4))
        #expect(sequencer.received(message(5)) == .deliver)
        #expect(sequencer.received(message(5)) == .duplicate)
        #expect(sequencer.received(message(3)) == .duplicate && sequencer.position.offset == 5)
    }

    @Test func aJumpIsRepairedBeforeAnythingPasses() {
        var sequencer = Sequencer(at: at(4))
        #expect(sequencer.received(message(7)) == .repair)
        #expect(sequencer.received(message(8)) == .held)
        let outcome = sequencer.repaired(with: page([5, 6, 7], newest: at(7)))
        #expect(offsets(outcome) == [5, 6, 7, 8])
        #expect(!outcome.readsAgain)
        #expect(sequencer.received(message(9)) == .deliver)
    }

    @Test func aGapStandsInThePlaceOfWhatIsGone() {
        var sequencer = Sequencer(at: at(4))
        sequencer.interrupted()
        let outcome = sequencer.repaired(with: page([20, 21], newest: at(21), missing: [5...19]))
        #expect(offsets(outcome) == [nil, 20, 21])
        let gap = "id: 19.e\nevent: gap\ndata: {\"from\":5,\"to\":19,\"reason\":\"expired\"}\n\n"
        #expect(text(outcome.frames[0]) == gap)
    }

    @Test func aGapStandsForALostHistoryAndTheNewOneIsReadFromItsStart() {
        var sequencer = Sequencer(at: at(4, "old"))
        #expect(sequencer.received(message(2, "new")) == .repair)
        let first = sequencer.repaired(with: page([], newest: at(2, "new")))
        #expect(first.readsAgain)
        #expect(sequencer.position == at(0, "new"))
        #expect(text(first.frames[0]).contains("epoch_changed"))
        let second = sequencer.repaired(with: page([1, 2], newest: at(2, "new")))
        #expect(offsets(second) == [1, 2])
    }

    /// Two histories were lost in a row; the message of the first came before the second was read.
    @Test func aMessageOfALostEpochIsNotKeptForLater() {
        var sequencer = Sequencer(at: at(1, "a"))
        #expect(sequencer.received(message(1, "b")) == .repair)
        #expect(sequencer.received(message(1, "c")) == .held)
        #expect(sequencer.repaired(with: page([], newest: at(1, "c"))).readsAgain)
        let outcome = sequencer.repaired(with: page([1], newest: at(1, "c")))
        #expect(offsets(outcome) == [1] && !outcome.readsAgain)
        #expect(sequencer.position == at(1, "c"))
    }

    /// Found by the simulation: Redis went away before the history was read, and came back with less. Viewers who asked
    /// meanwhile were told where it stands, and would have got the message a second time, behind a gap.
    @Test func whatWasHeldBeforeAnInterruptionIsReadAgainOrLost() {
        var sequencer = Sequencer(at: at(4))
        #expect(sequencer.received(message(7)) == .repair)
        sequencer.interrupted()
        let outcome = sequencer.repaired(with: page([5], newest: at(5)))
        #expect(offsets(outcome) == [5] && !outcome.readsAgain)
        #expect(sequencer.phase == .live && sequencer.position == at(5))
    }

    /// Found by the simulation: a master that had been replaced gave out an offset far above those of its heir.
    @Test func aHistoryThatGoesOnBelowWhatWasDeliveredIsFollowed() {
        var sequencer = Sequencer(at: at(9_000_004))
        sequencer.interrupted()
        #expect(sequencer.received(message(9_000_005)) == .held)
        var start = page([], newest: at(2_000_007))
        start.continuesHere = true
        _ = sequencer.repaired(with: page([], newest: at(2_000_007)))
        #expect(sequencer.position == at(9_000_005), "Redis has less; its next offset will be above all")

        sequencer.interrupted()
        #expect(sequencer.received(message(9_000_006)) == .held)
        let again = sequencer.repaired(with: page([], newest: at(2_000_007)))
        #expect(offsets(again) == [9_000_006])
        sequencer.interrupted()
        let outcome = sequencer.repaired(with: start)
        #expect(outcome.frames.map(text) == ["id: 2000007.e\nevent: gap\ndata: {\"reason\":\"unknown_position\"}\n\n"])
        #expect(outcome.frames.allSatisfy(\.goesBack) && !outcome.readsAgain)
        #expect(sequencer.received(message(2_000_008)) == .deliver)
    }

    /// What came of the replaced master before the history was read is of nobody's log; what came after may follow it.
    @Test func whatWasHeldOfAReplacedMasterDoesNotFollow() {
        var sequencer = Sequencer(at: at(9_000_004))
        #expect(sequencer.received(message(9_000_006)) == .repair)
        var start = page([], newest: at(2_000_007))
        start.continuesHere = true
        #expect(sequencer.received(message(2_000_008)) == .held)
        let outcome = sequencer.repaired(with: start)
        #expect(offsets(outcome) == [nil, 2_000_008] && !outcome.readsAgain)
        #expect(sequencer.position == at(2_000_008))
    }

    @Test func aChannelNobodyWroteToBeginsWithoutAGap() {
        var sequencer = Sequencer(at: .beginning)
        #expect(sequencer.received(message(1, "first")) == .deliver)
    }

    @Test func aRemovedEntryIsNoGap() {
        var sequencer = Sequencer(at: at(4))
        sequencer.interrupted()
        #expect(offsets(sequencer.repaired(with: page([5, 7], newest: at(8)))) == [5, 7])
        #expect(sequencer.position.offset == 8)
    }

    @Test func aHoleThatTheHistoryNeverFillsBecomesAGap() {
        var sequencer = Sequencer(at: at(4))
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
        var sequencer = Sequencer(at: at(0))
        sequencer.interrupted()
        let count = UInt64(Sequencer.heldMax) + 10
        for offset in 1...count { #expect(sequencer.received(message(offset)) == .held) }
        let first = sequencer.repaired(with: page([], newest: at(0)))
        #expect(first.frames.count == Sequencer.heldMax && first.readsAgain)
        let rest = Array(UInt64(Sequencer.heldMax + 1)...count)
        #expect(offsets(sequencer.repaired(with: page(rest, newest: at(count)))) == rest)
        #expect(sequencer.phase == .live)
    }
}
