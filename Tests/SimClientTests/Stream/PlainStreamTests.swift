import Testing
import Wire

@testable import SimClient

private func makePlainFrame(_ number: Int, id: String? = nil) -> [UInt8] {
    let text = CommentText.text(shard: 0, number: number, sent: .init(at: 1_000_000 + Int64(number)), bytes: 30)
    return Array("id: \(id ?? "1700000000:\(number)")\ndata: {\"userid\":\"u\",\"comment\":\"\(text)\"}\n\n".utf8)
}

@Suite struct PlainStreamTests {
    /// Numbers of a publisher that came in another order, since connections overtake each other.
    static let numbers = [2, 1, 3, 7, 5]
    static let wire =
        responseHead + chunk(Array(": hi\n\n".utf8)) + numbers.flatMap { chunk(makePlainFrame($0)) }

    private func makeLog(bytesMax: Int = 1 << 16) -> ChannelLog {
        ChannelLog(bytesMax: bytesMax, streamProtocol: .plain)
    }

    @Test(arguments: [0, 1 << 16]) func theOrderOfTheFirstViewerIsTheOffsets(bytesMax: Int) throws {
        for cut in 0...Self.wire.count {
            var log = makeLog(bytesMax: bytesMax)
            for viewer in 0..<3 {
                var sample = StreamSample()
                try sample.receive(Array(Self.wire[..<cut]), log: &log)
                try sample.receive(Array(Self.wire[cut...]), log: &log)
                #expect(sample.events == [.heartbeat, .comments(1...5, epoch: 0)], "viewer \(viewer), cut at \(cut)")
            }
            #expect(log.index?.last == 5)
        }
    }

    @Test func aViewerThatLacksACommentJumps() throws {
        var log = makeLog()
        var whole = StreamSample()
        try whole.receive(Self.wire, log: &log)
        var part = StreamSample()
        try part.receive(responseHead + [2, 3, 7, 7, 5].flatMap { chunk(makePlainFrame($0)) }, log: &log)
        #expect(
            part.events == [
                .comments(1...1, epoch: 0), .comments(3...4, epoch: 0), .comments(4...5, epoch: 0),
            ])
    }

    @Test func idsThatLookLikePositionsAreNone() throws {
        var log = makeLog()
        var sample = StreamSample()
        try sample.receive(responseHead + chunk(makePlainFrame(4, id: "9.abc")), log: &log)
        try sample.receive(chunk(makeConnected(at: Position(offset: 7, epoch: "k"))), log: &log)
        try sample.receive(chunk(Array("id: 1:1\ndata: hello\n\n".utf8)), log: &log)
        #expect(sample.events == [.comments(1...1, epoch: 0), .foreign])
    }
}
