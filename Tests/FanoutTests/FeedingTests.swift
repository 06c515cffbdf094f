import SocketLoop
import Testing
import Wire

@testable import Fanout

/// Who comes back is fed what it missed as fast as its connection takes it, however much that is.
@Suite struct FeedingTests {
    private let writer = RecordingWriter()

    private func at(_ offset: UInt64) -> Position { Position(offset: offset, epoch: "e") }

    private func log(_ offset: UInt64, bytes: Int = 10) -> Frame {
        let text = "\(offset) "
        let padding = String(repeating: "x", count: bytes - text.utf8.count)
        return Frame(Array((text + padding).utf8), kind: .log(at(offset)))
    }

    private func socket(_ index: UInt32) -> SocketHandle { SocketHandle(index: index, generation: 0) }

    private func missed(_ offsets: ClosedRange<UInt64>, reading: UInt64 = 1, bytes: Int = 10) -> MissedLog {
        let frames = offsets.map { log($0, bytes: bytes) }
        return MissedLog(.init(number: reading, bytes: frames.count * bytes), log: frames[...])
    }

    private func rejoin(_ reached: UInt64, joinedAt: UInt64) -> Rejoin {
        Rejoin(reached: at(reached), joinedAt: at(joinedAt))
    }

    private func offsets(_ socket: SocketHandle) -> [UInt64] {
        String(decoding: writer.body(of: socket), as: UTF8.self).split(separator: " ").compactMap { word in
            UInt64(word.drop { $0 == "x" })
        }
    }

    @Test func aHistoryThatIsLargerThanThePieceComesInPieces() {
        let hub = LoopHub<RecordingWriter>(settings: .init(pieceBytes: 30))
        let viewer = hub.attach(socket(0), topics: [0], holding: true)
        writer.isFull = true
        hub.release(viewer, missed: missed(1...10), rejoin: rejoin(10, joinedAt: 10), writer: writer)
        #expect(offsets(socket(0)) == [1, 2, 3], "no more is written than one piece while it waits")
        hub.feed(viewer, writer: writer)
        #expect(offsets(socket(0)).count == 3, "nor before the kernel has taken it")
        // Live events do not overtake the history, and do not make the connection's backlog grow.
        hub.append(log(11), to: 0)
        _ = hub.work(now: 1, writer: writer)
        #expect(writer.drain(socket(0)))
        hub.feed(viewer, writer: writer)
        #expect(offsets(socket(0)) == Array(1...6))
        hub.append(log(12), to: 0)
        writer.isFull = false
        #expect(writer.drain(socket(0)))
        hub.feed(viewer, writer: writer)
        #expect(offsets(socket(0)) == Array(1...12))
        hub.append(log(13), to: 0)
        while hub.work(now: 2, writer: writer) != .none {}
        #expect(offsets(socket(0)) == Array(1...13), "it is in the stream again")
    }

    @Test func whoTakesEverythingAtOnceGetsItInOneWrite() {
        let hub = LoopHub<RecordingWriter>(settings: .init())
        let viewer = hub.attach(socket(0), topics: [0], holding: true)
        hub.append(log(11), to: 0)
        hub.release(viewer, missed: missed(1...10), rejoin: rejoin(10, joinedAt: 10), writer: writer)
        #expect(offsets(socket(0)) == Array(1...11))
        #expect(hub.counts == .init(events: 11, writes: 1))
    }

    /// A slow one must not take the place of those who came after it.
    @Test func onlyTheViewerThatIsFurthestBehindIsSentBack() {
        let hub = LoopHub<RecordingWriter>(settings: .init(retainedBytesMax: 100, pieceBytes: 10))
        writer.isFull = true
        let slow = hub.attach(socket(0), topics: [0], holding: true)
        hub.release(slow, missed: missed(1...2), rejoin: rejoin(2, joinedAt: 2), writer: writer)
        for offset: UInt64 in 3...8 { hub.append(log(offset), to: 0) }
        let late = hub.attach(socket(1), topics: [0], holding: true)
        for offset: UInt64 in 9...12 { hub.append(log(offset), to: 0) }
        #expect(hub.viewersToSendBack(of: 0).isEmpty)
        hub.append(log(13), to: 0)
        #expect(hub.viewersToSendBack(of: 0) == [slow])
        _ = hub.detach(slow)
        #expect(hub.viewersToSendBack(of: 0).isEmpty)
        writer.isFull = false
        hub.release(late, missed: missed(1...8), rejoin: rejoin(8, joinedAt: 8), writer: writer)
        #expect(offsets(socket(1)) == Array(1...13))
    }

    /// The memory of histories is bounded, and counted once for all who share one.
    @Test func whoeverHoldsTheOldestHistoryIsSentBackWhenTheyAreTooMany() {
        let hub = LoopHub<RecordingWriter>(settings: .init(missedBytesMax: 100, pieceBytes: 10))
        writer.isFull = true
        let shared = missed(1...6)
        let viewers = (0..<3).map { hub.attach(socket($0), topics: [0], holding: true) }
        let place = rejoin(6, joinedAt: 6)
        for viewer in viewers[..<2] { hub.release(viewer, missed: shared, rejoin: place, writer: writer) }
        #expect(hub.viewersThatHoldTooMuch().isEmpty)
        let other = missed(1...6, reading: 2)
        hub.release(viewers[2], missed: other, rejoin: place, writer: writer)
        #expect(hub.viewersThatHoldTooMuch() == Array(viewers[..<2]))
        for viewer in viewers[..<2] { _ = hub.detach(viewer) }
        #expect(hub.viewersThatHoldTooMuch().isEmpty)
    }

    @Test func whoTakesNothingIsStuck() {
        let hub = LoopHub<RecordingWriter>(settings: .init(pieceBytes: 10))
        writer.isFull = true
        let viewer = hub.attach(socket(0), topics: [0], holding: true)
        #expect(!hub.isStuck(viewer))
        hub.release(viewer, missed: missed(1...6), rejoin: rejoin(6, joinedAt: 6), writer: writer)
        #expect(!hub.isStuck(viewer), "it has just begun")
        #expect(hub.isStuck(viewer))
        #expect(writer.drain(socket(0)))
        hub.feed(viewer, writer: writer)
        #expect(!hub.isStuck(viewer))
        writer.isFull = false
        #expect(writer.drain(socket(0)))
        hub.feed(viewer, writer: writer)
        #expect(!hub.isStuck(viewer))
        #expect(!hub.isStuck(viewer), "it has everything")
    }
}
