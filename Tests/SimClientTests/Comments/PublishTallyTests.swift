import Testing
import Wire

@testable import SimClient

@Suite struct PublishTallyTests {
    @Test func keepsTheNewestPlaceOfEachEpochWhenAnswersOvertakeEachOther() {
        var tally = PublishTally()
        for offset in [3, 1, 2] as [UInt64] {
            tally.answered(.acknowledged(Position(offset: offset, epoch: "a")), channel: 7, microseconds: 5)
        }
        #expect(
            tally.channels[7]?.epochs == [.init(acknowledged: 3, last: Position(offset: 3, epoch: "a"), since: 5)])
        tally.answered(.acknowledged(Position(offset: 1, epoch: "b")), channel: 7, microseconds: 6)
        tally.answered(.acknowledged(Position(offset: 4, epoch: "a")), channel: 7, microseconds: 7)
        #expect(tally.channels[7]?.acknowledged == 5)
        #expect(tally.channels[7]?.last == Position(offset: 1, epoch: "b"))
        #expect(tally.channels[7]?.epochs.first?.last == Position(offset: 4, epoch: "a"))
    }

    @Test func nothingIsHidden() {
        var tally = PublishTally()
        tally.started = 6
        for outcome in [.acknowledged(nil), .stored, .refused, .unknown, .failed] as [PublishOutcome] {
            tally.answered(outcome, channel: 0, number: 9)
        }
        #expect(tally.acknowledged == 1)
        #expect(tally.stored == 1)
        #expect(tally.refused == 1)
        #expect(tally.unknown == 1)
        #expect(tally.failed == 1)
        #expect(tally.outstanding == 1)
        // Only what must be in the history is remembered.
        #expect(tally.channels[0]?.numbers == [9, 9])
    }

    @Test func anAnswerThatDoesNotKnowIsNoRefusal() {
        func outcome(_ status: Int, _ code: String) -> PublishOutcome {
            PublishOutcome(status: status, body: Array(#"{"error":"no","code":"\#(code)"}"#.utf8))
        }
        #expect(outcome(503, "broker_unavailable") == .refused)
        #expect(outcome(503, "broker_timeout") == .unknown)
        #expect(outcome(202, "") == .stored)
        #expect(outcome(400, "invalid_comment") == .failed)
        #expect(outcome(201, "") == .acknowledged(nil))
    }

    @Test func aPositionThatIsGivenOutTwiceIsCounted() {
        var tally = PublishTally()
        for (number, offset) in ([1, 2, 2, 3] as [UInt64]).enumerated() {
            tally.answered(.acknowledged(Position(offset: offset, epoch: "e")), channel: 0, number: number)
        }
        tally.answered(.acknowledged(Position(offset: 2, epoch: "f")), channel: 0, number: 9)
        #expect(tally.acknowledgedTwice == 1)
    }

    @Test func readsThePlaceFromTheAnswer() {
        let comment = Comment(
            id: "x", userid: "u", videoid: "v", comment: "\"offset\":9,\"epoch\":\"no\"", timestamp: "t")
        let position = Position(offset: 17, epoch: "k3f9")
        let body = Array(#"{"success":true,"comment":"#.utf8) + comment.json(at: position) + Array("}".utf8)
        #expect(Acknowledgement.position(in: body) == position)
        #expect(Acknowledgement.position(in: Array(#"{"error":"no","code":"x"}"#.utf8)) == nil)
        #expect(Acknowledgement.position(in: []) == nil)
    }
}
