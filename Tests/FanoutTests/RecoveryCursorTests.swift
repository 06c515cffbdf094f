import Broker
import SocketLoop
import Testing
import Wire

@testable import Fanout

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
        for isKept in [false, true] {
            let sockets = RecordingSockets()
            let loop = sockets.makeLoop()
            let viewer = loop.add(socket(0), topics: [0], isRecovering: true, sockets)
            if isKept { loop.append(gap(0, "b"), to: 0) }
            let cursor = RecoveryCursor(reached: at(2, "c"), attachedAt: at(7))
            loop.recover(viewer, .nothing, cursor, sockets)
            #expect(loop.lostViewers(of: 0) == (isKept ? [viewer] : []))
            loop.append(log(1, "b"), to: 0)
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
