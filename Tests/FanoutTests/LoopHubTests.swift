import SocketLoop
import Testing
import Wire

@testable import Fanout

@Suite struct LoopHubTests {
    private func log(_ offset: UInt64, bytes: Int = 10) -> Frame {
        Frame(Array(repeating: UInt8(ascii: "x"), count: bytes), kind: .log(Position(offset: offset, epoch: "e")))
    }

    private func state(_ name: String, _ value: Int) -> Frame {
        Frame(Array("event: \(name)\ndata: \(value)\n\n".utf8), kind: .state)
    }

    private func socket(_ index: UInt32) -> SocketHandle { SocketHandle(index: index, generation: 0) }

    @Test func waitingFramesGoOutInOneWrite() {
        let hub = LoopHub<RecordingWriter>(settings: .init())
        let writer = RecordingWriter()
        _ = hub.attach(socket(0), topics: [7], holding: false)
        for offset in 1...40 { hub.append(log(UInt64(offset)), to: 7) }
        #expect(hub.work(now: 1, writer: writer) == .none)
        #expect(hub.counts == .init(events: 40, writes: 1))
        #expect(writer.body(of: socket(0)).count == 400)
    }

    @Test func betweenTwoRoundsOnlyTheNewestStateIsKept() {
        let hub = LoopHub<RecordingWriter>(settings: .init())
        let writer = RecordingWriter()
        _ = hub.attach(socket(0), topics: [1], holding: false)
        for value in 1...5 { hub.append(state("likes", value), to: 1) }
        hub.append(state("viewers", 9), to: 1)
        while hub.work(now: 1, writer: writer) != .none {}
        let text = String(decoding: writer.body(of: socket(0)), as: UTF8.self)
        #expect(text == "event: likes\ndata: 5\n\nevent: viewers\ndata: 9\n\n")
        #expect(hub.counts.conflated == 4)
        #expect(hub.states(of: 1).count == 2)
    }

    @Test func aGiantIsCutIntoSlicesAndASmallTopicDoesNotWaitForItsEnd() {
        let hub = LoopHub<RecordingWriter>(settings: .init(writesPerSlice: 100))
        let writer = RecordingWriter()
        for index in 0..<1000 { _ = hub.attach(socket(UInt32(index)), topics: [0], holding: false) }
        _ = hub.attach(socket(5000), topics: [1], holding: false)
        hub.append(log(1), to: 0)
        #expect(hub.work(now: 1, writer: writer) == .more)
        hub.append(log(1), to: 1)
        #expect(hub.work(now: 1, writer: writer) == .more)
        #expect(hub.work(now: 1, writer: writer) == .more)
        #expect(!writer.body(of: socket(5000)).isEmpty)
        #expect(writer.received.count < 400)
    }

    @Test func aViewerThatLeavesInTheMiddleOfARoundTakesNobodysTurn() {
        let hub = LoopHub<RecordingWriter>(settings: .init(writesPerSlice: 3))
        let writer = RecordingWriter()
        let viewers = (0..<10).map { hub.attach(socket($0), topics: [0], holding: false) }
        hub.append(log(1), to: 0)
        _ = hub.work(now: 1, writer: writer)
        for viewer in [viewers[1], viewers[4], viewers[9]] { _ = hub.detach(viewer) }
        while hub.work(now: 1, writer: writer) != .none {}
        for index in [0, 2, 3, 5, 6, 7, 8] {
            #expect(writer.body(of: socket(UInt32(index))).count == 10, "viewer \(index)")
        }
    }

    @Test func theFlushIntervalHoldsRoundsApart() {
        let hub = LoopHub<RecordingWriter>(settings: .init(flushIntervalNanoseconds: 100))
        let writer = RecordingWriter()
        _ = hub.attach(socket(0), topics: [0], holding: false)
        hub.append(log(1), to: 0)
        #expect(hub.work(now: 1000, writer: writer) == .none)
        hub.append(log(2), to: 0)
        #expect(hub.work(now: 1050, writer: writer) == .later(topic: 0, at: 1100))
        hub.append(log(3), to: 0)
        hub.resume(0)
        #expect(hub.work(now: 1100, writer: writer) == .none)
        #expect(hub.counts == .init(events: 3, writes: 2))
    }

    @Test func tooMuchHeldForAResumingViewerSendsItBack() {
        let hub = LoopHub<RecordingWriter>(settings: .init(retainedBytesMax: 100))
        let viewer = hub.attach(socket(0), topics: [0], holding: true)
        for offset in 1...10 { hub.append(log(UInt64(offset)), to: 0) }
        #expect(hub.viewersToSendBack(of: 0).isEmpty)
        hub.append(log(11), to: 0)
        #expect(hub.viewersToSendBack(of: 0) == [viewer])
    }

    @Test func aPageOfPhotosIsFollowedOnOneConnection() {
        let hub = LoopHub<RecordingWriter>(settings: .init())
        let writer = RecordingWriter()
        let viewer = hub.attach(socket(0), topics: [3, 4, 5], holding: false)
        hub.append(state("likes", 1), to: 4)
        hub.append(state("likes", 2), to: 5)
        while hub.work(now: 1, writer: writer) != .none {}
        #expect(hub.counts.events == 2)
        #expect(hub.detach(viewer) == [3, 4, 5])
        #expect(hub.viewerCount == 0)
    }
}
