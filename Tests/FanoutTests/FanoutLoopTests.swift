import SocketLoop
import Testing
import Wire

@testable import Fanout

@Suite struct FanoutLoopTests {
    private let sockets = RecordingSockets()

    @Test func waitingFramesGoOutInOneWrite() {
        let loop = sockets.makeLoop()
        loop.add(socket(0), topics: [7], sockets)
        for offset in 1...40 { loop.append(log(UInt64(offset), bytes: 10), to: 7) }
        #expect(!loop.pass(sockets: sockets))
        #expect(sockets.report == LoopReport(events: 40, writes: 1) && sockets.body(of: socket(0)).count == 400)
    }

    @Test func betweenTwoRoundsOnlyTheNewestStateIsKept() {
        let loop = sockets.makeLoop()
        loop.add(socket(0), topics: [1], sockets)
        for value in 1...5 { loop.append(state("likes", value), to: 1) }
        loop.append(state("viewers", 9), to: 1)
        while loop.pass(sockets: sockets) {}
        #expect(sockets.text(of: socket(0)) == "event: likes\ndata: 5\n\nevent: viewers\ndata: 9\n\n")
        #expect(sockets.report.conflated == 4)
        #expect(loop.topic(1).latestStates.count == 2)
    }

    @Test func aGiantIsCutIntoSlicesAndASmallTopicDoesNotWaitForItsEnd() {
        let loop = sockets.makeLoop(.init(writesPerSlice: 100))
        for index in 0..<1000 { loop.add(socket(index), topics: [0], sockets) }
        loop.add(socket(5000), topics: [1], sockets)
        loop.append(log(1, bytes: 10), to: 0)
        #expect(loop.pass(sockets: sockets))
        loop.append(log(1, bytes: 10), to: 1)
        #expect(loop.pass(sockets: sockets))
        #expect(loop.pass(sockets: sockets))
        #expect(!sockets.body(of: socket(5000)).isEmpty)
        #expect(sockets.received.count < 400)
    }

    @Test func aViewerThatLeavesInTheMiddleOfARoundCostsNobodyAFrame() {
        let loop = sockets.makeLoop(.init(writesPerSlice: 3))
        let viewers = (0..<10).map { loop.add(socket($0), topics: [0], sockets) }
        loop.append(log(1, bytes: 10), to: 0)
        _ = loop.pass(sockets: sockets)
        for viewer in [viewers[1], viewers[4], viewers[9]] { _ = loop.remove(viewer) }
        while loop.pass(sockets: sockets) {}
        for index in [0, 2, 3, 5, 6, 7, 8] {
            #expect(sockets.body(of: socket(index)).count == 10, "viewer \(index)")
        }
    }

    @Test func theFlushIntervalKeepsRoundsApart() {
        let loop = sockets.makeLoop(.init(flushIntervalNanoseconds: 100))
        loop.add(socket(0), topics: [0], sockets)
        loop.append(log(1, bytes: 10), to: 0)
        sockets.now = 1000
        #expect(!loop.pass(sockets: sockets))
        loop.append(log(2, bytes: 10), to: 0)
        sockets.now = 1050
        #expect(!loop.pass(sockets: sockets))
        #expect(sockets.timers.last?.at == 1100)
        loop.append(log(3, bytes: 10), to: 0)
        for token in sockets.takeTimers(until: 1100) { loop.timerFired(token, sockets: sockets) }
        #expect(!loop.pass(sockets: sockets))
        #expect(sockets.report == LoopReport(events: 3, writes: 2))
    }

    @Test func tooMuchRetainedForARecoveringViewerDisconnectsIt() {
        let loop = sockets.makeLoop(.init(retainedBytesMax: 100))
        let viewer = loop.add(socket(0), topics: [0], isRecovering: true, sockets)
        for offset in 1...10 { loop.append(log(UInt64(offset), bytes: 10), to: 0) }
        #expect(loop.lostViewers(of: 0).isEmpty)
        loop.append(log(11, bytes: 10), to: 0)
        #expect(loop.lostViewers(of: 0) == [viewer])
    }

    @Test func aPageOfPhotosIsFollowedOnOneConnection() {
        let loop = sockets.makeLoop()
        let viewer = loop.add(socket(0), topics: [3, 4, 5], sockets)
        loop.append(state("likes", 1), to: 4)
        loop.append(state("likes", 2), to: 5)
        while loop.pass(sockets: sockets) {}
        #expect(sockets.report.events == 2)
        #expect(loop.remove(viewer) == [3, 4, 5] && loop.viewerCount == 0)
    }
}
