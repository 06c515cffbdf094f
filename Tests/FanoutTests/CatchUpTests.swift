import Broker
import Testing
import Wire

@testable import Fanout

@Suite struct CatchUpTests {
    private let channel: Channel

    init() throws { channel = try #require(Channel.video("v")) }

    private func at(_ offset: UInt64, _ epoch: String = "a") -> Position { Position(offset: offset, epoch: epoch) }

    private func page(_ offsets: [UInt64], newest: Position, isCut: Bool = false) -> HistoryPage {
        HistoryPage(
            position: newest,
            entries: offsets.map { HistoryEntry(offset: $0, frame: Array("id: \($0).\(newest.epoch)\n\n".utf8)) },
            isCut: isCut)
    }

    private func texts(_ frames: [Frame]) -> [String] {
        frames.map { String(decoding: $0.bytes, as: UTF8.self).split(separator: "\n").joined(separator: " ") }
    }

    private func caughtUp(_ from: Position, joinedAt: Position, _ pages: [HistoryPage]) -> (CatchUp, [String]) {
        var catchUp = CatchUp(from: from, joinedAt: joinedAt)
        for page in pages { catchUp.take(page) }
        #expect(catchUp.isFinished)
        return (catchUp, texts(catchUp.frames))
    }

    /// Redis came back without what this Reader had passed on already.
    @Test func whatTheHistoryLostAndTheStreamHasPassedIsTold() {
        let (catchUp, frames) = caughtUp(at(5), joinedAt: at(9), [page([6, 7], newest: at(7))])
        #expect(frames == ["id: 6.a", "id: 7.a", #"id: 9.a event: gap data: {"from":8,"to":9,"reason":"expired"}"#])
        #expect(catchUp.rejoin == Rejoin(reached: at(9), joinedAt: at(9)))
    }

    @Test func aLostHistoryIsToldUpToTheStreamsPlace() {
        let (_, same) = caughtUp(at(5), joinedAt: at(9), [.empty])
        #expect(same == [#"id: 9.a event: gap data: {"from":6,"to":9,"reason":"expired"}"#])
        let (_, other) = caughtUp(at(5), joinedAt: at(2, "b"), [.empty])
        #expect(other == [#"id: 2.b event: gap data: {"from":6,"reason":"epoch_changed"}"#])
    }

    @Test func aPlaceThatNobodyHasReachedIsUnknown() {
        let unknown = #"event: gap data: {"reason":"unknown_position"}"#
        #expect(caughtUp(at(50), joinedAt: at(9), [page([], newest: at(9))]).1 == ["id: 9.a \(unknown)"])
        #expect(caughtUp(at(50), joinedAt: at(9), [page([], newest: at(7))]).1 == ["id: 9.a \(unknown)"])
        #expect(caughtUp(at(50), joinedAt: .beginning, [.empty]).1 == ["id: 0.0 \(unknown)"])
    }

    @Test func aNewerEpochOfTheHistoryPutsTheViewerAheadOfTheStream() {
        let pages = [page([], newest: at(1, "b")), page([1], newest: at(1, "b"))]
        let (catchUp, frames) = caughtUp(at(5), joinedAt: at(9), pages)
        #expect(frames == [#"id: 0.b event: gap data: {"from":6,"reason":"epoch_changed"}"#, "id: 1.b"])
        #expect(catchUp.rejoin.isAhead(of: at(9)))
    }

    @Test func viewersOfOnePlaceAreServedFromOneReading() throws {
        let batch = [(1, 7), (2, 5), (3, 5)].map { id, offset in
            Resumption(id: id, channel: channel, loop: 0, position: at(UInt64(offset)), joinedAt: at(8))
        }
        var group = try #require(ResumeGroup.groups(batch).first)
        #expect(group.question == at(5))
        #expect(group.take(page([6, 7, 8], newest: at(8))).count == 2)
        #expect(group.question == at(7))
        #expect(group.unserved.count == 1)
        #expect(group.take(page([8], newest: at(8))).count == 1)
        #expect(group.question == nil)
    }
}
