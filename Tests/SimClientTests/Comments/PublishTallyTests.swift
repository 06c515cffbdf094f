import Testing
import Wire

@testable import SimClient

@Suite struct PublishTallyTests {
    @Test func keepsTheNewestPlaceWhenAnswersOvertakeEachOther() {
        var tally = PublishTally()
        for offset in [3, 1, 2] as [UInt64] {
            tally.answered(status: 201, position: Position(offset: offset, epoch: "a"), channel: 7)
        }
        #expect(tally.channels[7] == .init(acknowledged: 3, last: Position(offset: 3, epoch: "a")))
        tally.answered(status: 201, position: Position(offset: 1, epoch: "b"), channel: 7)
        #expect(tally.channels[7]?.last == Position(offset: 1, epoch: "b"))
    }

    @Test func nothingIsHidden() {
        var tally = PublishTally()
        tally.started = 4
        tally.answered(status: 201, position: nil, channel: 0)
        tally.answered(status: 503, position: nil, channel: 0)
        tally.answered(status: 400, position: nil, channel: 0)
        #expect(tally.acknowledged == 1)
        #expect(tally.refused == 1)
        #expect(tally.failed == 1)
        #expect(tally.outstanding == 1)
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
