import Testing
import Wire

@testable import SimClient

private func publishTime(ofText text: String) -> Int64? {
    let comment = Comment(
        id: "c1", userid: "user1", videoid: "v1", comment: text, timestamp: "2026-01-01T12:00:00.000Z")
    return comment.json().withUnsafeBytes { CommentText.publishMicroseconds(in: $0) }
}

@Suite struct CommentTextTests {
    @Test(arguments: [1, 26, 27, 30, 200, 2000, 5000])
    func carriesThePublishTimeAtAnyLength(bytes: Int) {
        let text = CommentText.text(shard: 3, number: 41_234, microseconds: 1_767_268_800_000_123, bytes: bytes)
        #expect(publishTime(ofText: text) == 1_767_268_800_000_123)
        #expect(text.utf8.count == min(2000, max(bytes, "3.41234 t=1767268800000123".utf8.count)))
    }

    @Test(arguments: ["", "hello", "what is t=5 here", "t=5", "1.2 t=", "1.2 t=x", "\"comment\":\"1.2 t=7"])
    func findsNoTimeInAPersonsComment(text: String) {
        #expect(publishTime(ofText: text) == nil)
    }

    @Test func framesHaveAboutAHundredAndFiftyBytes() {
        let text = CommentText.text(
            shard: 0, number: 4321, microseconds: 1_767_268_800_000_123, bytes: CommentText.bytesDefault)
        let comment = Comment(
            id: "4f2a81c09d3e", userid: "user1234", videoid: "v12", comment: text,
            timestamp: "2026-01-01T12:00:00.000Z")
        let frame = EventStream.frame(data: comment.json(), id: Position(offset: 4321, epoch: "k3f9"))
        #expect((140...190).contains(frame.count))
    }
}
