import Testing
import Wire

@testable import SimClient

@Suite struct EventCursorTests {
    static let start = Position(offset: 4, epoch: "k3f9")

    static let stream: [[UInt8]] = [
        makeConnected(at: start), makeFrame(5), makeFrame(6), EventStream.heartbeat, makeFrame(7),
        makeEvent("likes", #"{"photoid":"p","count":3,"version":1}"#), makeFrame(8), makeFrame(9),
        makeEvent("gap", #"{"from":10,"to":11,"reason":"expired"}"#, id: Position(offset: 11, epoch: "k3f9")),
        makeFrame(12),
        makeEvent("reconnect", "{}", retryMilliseconds: 300),
    ]
    static let expected: [StreamEvent] = [
        .connected(start), .comments(5...6, epoch: 0), .heartbeat, .comments(7...7, epoch: 0), .state,
        .comments(8...9, epoch: 0), .gap(at: 11, epoch: 0, from: 10), .comments(12...12, epoch: 0),
        .reconnect(milliseconds: 300),
    ]
    static let wire = responseHead + stream.flatMap(chunk)

    @Test func readsAStreamCutAnywhereAloneAndBehindAnother() throws {
        for cut in 0...Self.wire.count {
            var log = ChannelLog(bytesMax: 1 << 16)
            for viewer in 0..<3 {
                var sample = StreamSample()
                try sample.receive(Array(Self.wire[..<cut]), log: &log)
                try sample.receive(Array(Self.wire[cut...]), log: &log)
                #expect(sample.events == Self.expected, "viewer \(viewer), cut at \(cut)")
                if log.wantsRestart { log.restart() }
            }
        }
    }

    @Test func readsAStreamByteByByte() throws {
        var log = ChannelLog(bytesMax: 1 << 16)
        for _ in 0..<2 {
            var sample = StreamSample()
            for byte in Self.wire { try sample.receive([byte], log: &log) }
            #expect(sample.events == Self.expected)
        }
    }

    @Test func aFollowerComparesAndDoesNotParse() throws {
        var log = ChannelLog(bytesMax: 1 << 16)
        var leader = StreamSample()
        var follower = StreamSample()
        let opening = responseHead + chunk(makeConnected(at: Self.start)) + chunk(makeFrame(5))
        try leader.receive(opening, log: &log)
        try follower.receive(opening, log: &log)
        #expect(follower.cursor.followsLog)
        let frames = (6...40).flatMap { makeFrame($0) }
        try leader.receive(chunk(frames), log: &log)
        let wire = chunk(frames)
        try follower.receive(Array(wire[..<1000]), log: &log)
        #expect(follower.cursor.followsLog)
        try follower.receive(Array(wire[1000...]), log: &log)
        #expect(follower.cursor.followsLog)
        #expect(follower.events == leader.events)
        #expect(follower.cursor.position(in: log)?.description == "40.k3f9")
    }

    @Test func sameOffsetWithOtherBytesIsSeen() throws {
        var log = ChannelLog(bytesMax: 1 << 16)
        var leader = StreamSample()
        var follower = StreamSample()
        let opening = responseHead + chunk(makeConnected(at: Self.start))
        try leader.receive(opening + chunk(makeFrame(5) + makeFrame(6)), log: &log)
        let altered = String(decoding: makeFrame(6), as: UTF8.self).replacing(
            "\"userid\":\"u\"", with: "\"userid\":\"x\"")
        try follower.receive(opening + chunk(makeFrame(5) + Array(altered.utf8)), log: &log)
        #expect(follower.events.contains(.altered(offset: 6)))
        #expect(!leader.events.contains(.altered(offset: 6)))
    }

    @Test func lossAndRepetitionStayVisible() throws {
        var log = ChannelLog(bytesMax: 1 << 16)
        var leader = StreamSample()
        let opening = responseHead + chunk(makeConnected(at: Self.start))
        try leader.receive(opening + chunk((5...9).flatMap { makeFrame($0) }), log: &log)
        var follower = StreamSample()
        try follower.receive(opening + chunk(makeFrame(5) + makeFrame(7) + makeFrame(7) + makeFrame(9)), log: &log)
        #expect(
            follower.events == [
                .connected(Self.start), .comments(5...5, epoch: 0), .comments(7...7, epoch: 0),
                .comments(7...7, epoch: 0), .comments(9...9, epoch: 0),
            ])
    }

    @Test func aGapMovesThePosition() throws {
        var log = ChannelLog(bytesMax: 1 << 16)
        var sample = StreamSample()
        let gap = makeEvent("gap", #"{"reason":"unknown_position"}"#, id: Position(offset: 30, epoch: "new"))
        try sample.receive(responseHead + chunk(makeConnected(at: Self.start) + gap), log: &log)
        #expect(sample.events == [.connected(Self.start), .gap(at: 30, epoch: 1, from: nil)])
        #expect(sample.cursor.position(in: log)?.description == "30.new")
        try sample.receive(chunk(makeFrame(31, epoch: "new")), log: &log)
        #expect(sample.events.last == .comments(31...31, epoch: 1))
    }

    @Test func anEndlessFrameIsAnError() throws {
        var log = ChannelLog(bytesMax: 1 << 16)
        var sample = StreamSample()
        try sample.receive(responseHead, log: &log)
        #expect(throws: EventCursor.Oversized()) {
            for _ in 0..<20 { try sample.receive(chunk(Array(repeating: 0x61, count: 100_000)), log: &log) }
        }
    }

    @Test func aNewConnectionForgetsHalfAFrame() throws {
        var log = ChannelLog(bytesMax: 1 << 16)
        var sample = StreamSample()
        try sample.receive(responseHead + chunk(makeConnected(at: Self.start)), log: &log)
        try sample.receive(chunk(Array(makeFrame(5).prefix(30))), log: &log)
        sample.response = ResponseScanner()
        sample.cursor.reset()
        #expect(sample.cursor.position(in: log)?.description == "4.k3f9")
        try sample.receive(responseHead + chunk(makeConnected(at: Self.start) + makeFrame(5)), log: &log)
        #expect(sample.events.last == .comments(5...5, epoch: 0))
    }
}
