import Testing
import Wire

@testable import SimClient

private func sendTime(ofText text: String) -> CommentText.SendTime? {
    let comment = Comment(
        id: "c1", userid: "user1", videoid: "v1", comment: text, timestamp: "2026-01-01T12:00:00.000Z")
    return comment.json().withUnsafeBytes { CommentText.sendTime(in: $0) }
}

@Suite struct CommentTextTests {
    @Test(arguments: [1, 29, 30, 31, 200, 2000, 5000])
    func carriesTheTimeOfSendingAtAnyLength(bytes: Int) {
        let sent = CommentText.SendTime(at: 1_767_268_800_000_123, late: 57)
        let text = CommentText.text(shard: 3, number: 41_234, sent: sent, bytes: bytes)
        #expect(sendTime(ofText: text) == sent)
        #expect(text.utf8.count == min(2000, max(bytes, "3.41234 t=1767268800000123+57".utf8.count)))
    }

    @Test(arguments: [
        "", "hello", "what is t=5 here", "t=5", "1.2 t=", "1.2 t=x", "1.2 t=5", "1.2 t=5+", "\"comment\":\"1.2 t=7+1",
    ])
    func findsNoTimeInAPersonsComment(text: String) {
        #expect(sendTime(ofText: text) == nil)
    }

    @Test func framesHaveAboutAHundredAndFiftyBytes() {
        let text = CommentText.text(
            shard: 0, number: 4321, sent: .init(at: 1_767_268_800_000_123, late: 100), bytes: CommentText.bytesDefault)
        let comment = Comment(
            id: "4f2a81c09d3e", userid: "user1234", videoid: "v12", comment: text,
            timestamp: "2026-01-01T12:00:00.000Z")
        let frame = EventStream.frame(data: comment.json(), id: Position(offset: 4321, epoch: "k3f9"))
        #expect((140...190).contains(frame.count))
    }
}
