import Broker
import SocketLoop
import Testing
import Wire

@testable import Fanout

/// A recovering viewer is fed what it missed as fast as its socket takes it, however much that is.
@Suite struct RecoveryFeedTests {
    private let sockets = RecordingSockets()

    private func missed(_ offsets: ClosedRange<UInt64>, reading: UInt64 = 1) -> MissedFrames {
        let frames = offsets.map { log($0, bytes: 10) }
        return MissedFrames(history: .init(number: reading, bytes: frames.count * 10), log: frames[...])
    }

    private func cursor(_ reached: UInt64, attachedAt: UInt64) -> RecoveryCursor {
        RecoveryCursor(reached: at(reached), attachedAt: at(attachedAt))
    }

    private func offsets(_ socket: SocketHandle) -> [UInt64] {
        sockets.text(of: socket).split(separator: " ").compactMap { word in
            UInt64(word.drop { $0 == "x" }.prefix { $0 != "e" })
        }
    }

    private func drain(_ loop: FanoutLoop<RecordingSockets>, _ viewer: ViewerID) {
        #expect(sockets.drain(socket(0)))
        loop.feed(viewer, sockets)
    }

    @Test func aHistoryThatIsLargerThanThePieceComesInPieces() {
        let loop = sockets.makeLoop(.init(pieceBytes: 30))
        let viewer = loop.add(socket(0), topics: [0], isRecovering: true, sockets)
        sockets.isFull = true
        loop.recover(viewer, missed(1...10), cursor(10, attachedAt: 10), sockets)
        #expect(offsets(socket(0)) == [1, 2, 3], "no more is written than one piece while it waits")
        loop.feed(viewer, sockets)
        #expect(offsets(socket(0)).count == 3, "nor before the kernel has taken it")
        // Live events do not overtake the history, and do not make the connection's backlog grow.
        loop.append(log(11, bytes: 10), to: 0)
        _ = loop.pass(sockets: sockets)
        drain(loop, viewer)
        #expect(offsets(socket(0)) == Array(1...6))
        loop.append(log(12, bytes: 10), to: 0)
        sockets.isFull = false
        drain(loop, viewer)
        #expect(offsets(socket(0)) == Array(1...12))
        loop.append(log(13, bytes: 10), to: 0)
        while loop.pass(sockets: sockets) {}
        #expect(offsets(socket(0)) == Array(1...13), "it is in the stream again")
    }

    @Test func aViewerThatTakesEverythingGetsItInOneWrite() {
        let loop = sockets.makeLoop()
        let viewer = loop.add(socket(0), topics: [0], isRecovering: true, sockets)
        loop.append(log(11, bytes: 10), to: 0)
        loop.recover(viewer, missed(1...10), cursor(10, attachedAt: 10), sockets)
        #expect(offsets(socket(0)) == Array(1...11))
        _ = loop.pass(sockets: sockets)
        #expect(sockets.report == LoopReport(events: 11, messages: 11, writes: 1))
    }

    @Test func onlyTheViewerThatIsFurthestBehindIsDisconnected() {
        let loop = sockets.makeLoop(.init(retainedBytesMax: 100, pieceBytes: 10))
        sockets.isFull = true
        let slow = loop.add(socket(0), topics: [0], isRecovering: true, sockets)
        loop.recover(slow, missed(1...2), cursor(2, attachedAt: 2), sockets)
        for offset: UInt64 in 3...8 { loop.append(log(offset, bytes: 10), to: 0) }
        let late = loop.add(socket(1), topics: [0], isRecovering: true, sockets)
        for offset: UInt64 in 9...12 { loop.append(log(offset, bytes: 10), to: 0) }
        #expect(loop.lostViewers(of: 0).isEmpty)
        loop.append(log(13, bytes: 10), to: 0)
        #expect(loop.lostViewers(of: 0) == [slow])
        _ = loop.remove(slow)
        #expect(loop.lostViewers(of: 0).isEmpty)
        sockets.isFull = false
        loop.recover(late, missed(1...8), cursor(8, attachedAt: 8), sockets)
        #expect(offsets(socket(1)) == Array(1...13))
    }

    /// The memory of histories is bounded, and counted once for all who share one.
    @Test func viewersOfTheOldestHistoryAreDisconnectedWhenHistoriesAreTooLarge() {
        let loop = sockets.makeLoop(.init(historyBytesMax: 100, pieceBytes: 10))
        sockets.isFull = true
        let shared = missed(1...6)
        let viewers = (0..<3).map { loop.add(socket($0), topics: [0], isRecovering: true, sockets) }
        let place = cursor(6, attachedAt: 6)
        for viewer in viewers[..<2] { loop.recover(viewer, shared, place, sockets) }
        #expect(loop.recoveryMemory.slowest(over: loop.settings.historyBytesMax).isEmpty)
        let other = missed(1...6, reading: 2)
        loop.recover(viewers[2], other, place, sockets)
        #expect(loop.recoveryMemory.slowest(over: loop.settings.historyBytesMax) == Array(viewers[..<2]))
        for viewer in viewers[..<2] { _ = loop.remove(viewer) }
        #expect(loop.recoveryMemory.slowest(over: loop.settings.historyBytesMax).isEmpty)
    }

    @Test func aViewerThatTakesNothingBetweenTwoHeartbeatsIsStuck() {
        let loop = sockets.makeLoop(.init(pieceBytes: 10, heartbeatNanoseconds: 100))
        func isStuck(at time: UInt64) -> Bool {
            sockets.now = time
            return loop.isStuck(viewer, now: time)
        }
        sockets.isFull = true
        let viewer = loop.add(socket(0), topics: [0], isRecovering: true, sockets)
        #expect(!isStuck(at: 2_000_000_000), "it waits for its history")
        loop.recover(viewer, missed(1...6), cursor(6, attachedAt: 6), sockets)
        #expect(!isStuck(at: 2_000_000_099))
        #expect(isStuck(at: 2_000_000_100))
        drain(loop, viewer)
        #expect(!isStuck(at: 2_000_000_199))
        sockets.isFull = false
        drain(loop, viewer)
        #expect(!isStuck(at: 3_000_000_000), "it has everything")
    }
}

/// History and stream are two connections: either may be ahead when a viewer comes back.
@Suite struct RecoveryCursorTests {
    private func gap(_ offset: UInt64, _ epoch: String) -> Frame {
        Frame(Array("gap ".utf8), kind: .notice(at(offset, epoch)))
    }

    /// What a viewer gets that was attached at `joined`, was released at `reached` after the first frames of the stream,
    /// and then saw the others.
    private func received(_ joined: Position, _ reached: Position, before: [Frame], after: [Frame]) -> String {
        let sockets = RecordingSockets()
        let loop = sockets.makeLoop()
        let viewer = loop.add(socket(0), topics: [0], isRecovering: true, sockets)
        for frame in before { loop.append(frame, to: 0) }
        loop.recover(viewer, .nothing, RecoveryCursor(reached: reached, attachedAt: joined), sockets)
        for frame in after {
            loop.append(frame, to: 0)
            while loop.pass(sockets: sockets) {}
        }
        return sockets.text(of: socket(0))
    }

    @Test func aHistoryThatIsAheadOfTheStreamIsNotRepeatedByIt() {
        #expect(received(at(7), at(9), before: [], after: [log(8), log(9), log(10)]) == "10e ")
        #expect(received(at(7), at(9), before: [log(8)], after: [log(9), log(10)]) == "10e ")
    }

    @Test func aHistoryThatIsBehindIsCompletedByWhatWasKept() {
        #expect(received(at(7), at(8), before: [log(8), log(9)], after: [log(10)]) == "9e 10e ")
    }

    @Test func lowOffsetsOfANewEpochAreNotTakenForOldOnes() {
        let stream = [gap(0, "b"), log(1, "b")]
        #expect(received(at(7), at(9), before: stream, after: [log(2, "b")]) == "gap 1b 2b ")
        #expect(received(at(7), at(9), before: [], after: stream) == "gap 1b ")
    }

    @Test func aViewerThatKnowsTheNewEpochWaitsUntilTheStreamDoes() {
        let stream = [log(8), gap(0, "b"), log(1, "b"), log(2, "b"), log(3, "b")]
        #expect(received(at(7), at(2, "b"), before: [], after: stream) == "3b ")
        #expect(received(at(7), at(2, "b"), before: Array(stream[..<3]), after: Array(stream[3...])) == "3b ")
    }

    /// The stream may be yet to reach the viewer's epoch, or have skipped it: nobody can tell.
    @Test func aThirdEpochDisconnectsTheViewer() {
        expectDisconnect(of: RecoveryCursor(reached: at(2, "c"), attachedAt: at(7)), by: gap(0, "b"), then: log(1, "b"))
    }

    /// What the viewer has of the stream's epoch says nothing of what comes then.
    @Test func aStreamThatGoesBackDisconnectsTheViewer() {
        var back = gap(5, "e")
        back.goesBack = true
        expectDisconnect(of: RecoveryCursor(reached: at(9), attachedAt: at(7)), by: back, then: back)
    }

    /// Found by the simulation: its history was read from a master that had been replaced, which gave out higher offsets than
    /// its heir. The stream would never reach it.
    @Test func aViewerThatIsAheadForTooLongIsDisconnected() {
        let sockets = RecordingSockets()
        let loop = sockets.makeLoop()
        let viewers = (0..<2).map { loop.add(socket($0), topics: [0], isRecovering: true, sockets) }
        let start = sockets.now
        func fire(after seconds: Double) {
            for token in sockets.takeTimers(until: start + UInt64(seconds * 1e9)) {
                loop.timerFired(token, sockets: sockets)
            }
            _ = loop.pass(sockets: sockets)
        }
        loop.recover(viewers[0], .nothing, RecoveryCursor(reached: at(9_000_000), attachedAt: at(7)), sockets)
        fire(after: 3)
        loop.recover(viewers[1], .nothing, RecoveryCursor(reached: at(9), attachedAt: at(7)), sockets)
        for offset: UInt64 in 8...10 { loop.append(log(offset), to: 0) }
        fire(after: 4.9)
        #expect(sockets.report.departures.isEmpty)
        fire(after: 5)
        #expect(sockets.report.departures.map(\.reason) == [.recoveryFailed])
        fire(after: 60)
        #expect(sockets.report.departures.count == 1, "the stream has reached the other one")
    }

    private func expectDisconnect(of cursor: RecoveryCursor, by kept: Frame, then next: Frame) {
        for isKept in [false, true] {
            let sockets = RecordingSockets()
            let loop = sockets.makeLoop()
            let viewer = loop.add(socket(0), topics: [0], isRecovering: true, sockets)
            if isKept { loop.append(kept, to: 0) }
            loop.recover(viewer, .nothing, cursor, sockets)
            #expect(loop.lostViewers(of: 0) == (isKept ? [viewer] : []))
            loop.append(next, to: 0)
            #expect(loop.lostViewers(of: 0) == [viewer])
        }
    }

    /// States have no place in the log: a viewer gets the newest ones when it joins the ring.
    @Test func aRecoveringViewerGetsTheStatesThatChangedMeanwhile() {
        let state = Frame(Array("event: likes\n\n".utf8), kind: .state)
        #expect(received(at(7), at(7), before: [state], after: [log(8)]) == "event: likes\n\n8e ")
        #expect(received(at(7), at(8), before: [], after: [state, log(8), log(9)]) == "event: likes\n\n9e ")
        #expect(received(at(7), at(7), before: [log(8)], after: [log(9)]) == "8e 9e ")
    }

    @Test func aGapBeforeTheViewersPositionIsNotSentToIt() {
        #expect(received(at(7), at(40), before: [gap(40, "e"), log(41)], after: [log(42)]) == "41e 42e ")
    }
}

extension MissedFrames {
    static var nothing: MissedFrames { MissedFrames(history: .init(number: 1, bytes: 0)) }
}
