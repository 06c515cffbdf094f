import Audience
import Testing
import Wire

@testable import SimClient

@Suite struct PublishTallyTests {
    @Test func keepsEveryCommentOfEachEpochWhenAnswersOvertakeEachOther() {
        var tally = PublishTally()
        for offset in [3, 1, 2] as [UInt64] {
            tally.answered(
                .acknowledged(Position(offset: offset, epoch: "a")), channel: 7, digest: offset * 10, microseconds: 5)
        }
        #expect(
            tally.channels[7]?.epochs == [
                .init(
                    name: "a", since: 5,
                    comments: [
                        .init(offset: 3, digest: 30), .init(offset: 1, digest: 10), .init(offset: 2, digest: 20),
                    ])
            ])
        tally.answered(.acknowledged(Position(offset: 1, epoch: "b")), channel: 7, digest: 1, microseconds: 6)
        tally.answered(.acknowledged(Position(offset: 4, epoch: "a")), channel: 7, digest: 1, microseconds: 7)
        #expect(tally.channels[7]?.acknowledged == 5)
        #expect(tally.channels[7]?.atTakenPositions == 0)
        #expect(tally.channels[7]?.ends == [Position(offset: 4, epoch: "a"), Position(offset: 1, epoch: "b")])
        tally.answered(.acknowledged(Position(offset: 2, epoch: "a")), channel: 7, digest: 9, microseconds: 8)
        #expect(tally.channels[7]?.atTakenPositions == 1)
    }

    @Test func nothingIsHidden() {
        var tally = PublishTally()
        tally.started = 6
        for outcome in [.acknowledged(nil), .stored, .refused, .unknown, .failed] as [PublishOutcome] {
            tally.answered(outcome, channel: 0, digest: 7, number: 9)
        }
        #expect(tally.acknowledged == 1)
        #expect(tally.stored == 1)
        #expect(tally.refused == 1)
        #expect(tally.unknown == 1)
        #expect(tally.failed == 1)
        #expect(tally.outstanding == 1)
        // Only what must be in the history is remembered.
        #expect(tally.channels[0]?.numbers == [9, 9])
        // And these may be seen although nobody said where.
        #expect(tally.channels[0]?.unplaced == [7, 7, 7])
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

    @Test func readsThePlaceFromTheAnswer() {
        let comment = Comment(
            id: "x", userid: "u", videoid: "v", comment: "\"offset\":9,\"epoch\":\"no\"", timestamp: "t")
        let position = Position(offset: 17, epoch: "k3f9")
        let body = Array(#"{"success":true,"comment":"#.utf8) + comment.json(at: position) + Array("}".utf8)
        #expect(PublishOutcome(status: 201, body: body) == .acknowledged(position))
        let none = Array(#"{"error":"no","code":"x"}"#.utf8)
        #expect(PublishOutcome(status: 201, body: none) == .acknowledged(nil))
    }
}
