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
        #expect(sockets.report == LoopReport(events: 11, writes: 1))
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
