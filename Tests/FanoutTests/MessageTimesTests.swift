import Broker
import Primitives
import Testing
import Wire

@testable import Fanout

@Suite struct MessageTimesTests {
    private func message(_ comment: Wire.Comment, on channel: Channel) throws -> BrokerMessage {
        let frame = EventStream.frame(data: comment.json(), id: Position(offset: 7, epoch: "abc"))
        return try #require(BrokerMessage(channel: channel, frame: frame))
    }

    @Test func aCommentsOwnTimestampIsRead() throws {
        let video = try #require(Channel.video("v"))
        let now = WallClock.milliseconds()
        func comment(_ text: String, _ age: Int64) -> Wire.Comment {
            Wire.Comment(
                id: "c1", userid: "u", videoid: "v", comment: text,
                timestamp: Timestamp.text(millisecondsSinceEpoch: now - age))
        }
        // The text cannot pretend to be a timestamp, and one of a clock that is far off does not count.
        var messages = [
            try message(comment("hello", 1_000), on: video),
            try message(comment(#""timestamp":"2001-01-01T00:00:00.000Z""#, 2_000), on: video),
            try message(comment("old", 3_600_000), on: video),
        ]
        let ages = MessageTimes.measure(&messages)
        #expect(ages.count == 2)
        #expect(zip(ages, [1.0, 2.0]).allSatisfy { abs(Double($0) / 1e9 - $1) < 0.5 })
        #expect(messages.map { $0.times != nil } == [true, true, false])
        let times = try #require(messages[0].times)
        #expect(times.received - times.published == ages[0])
    }
}
