import Broker
import Testing
import Wire

@testable import Fanout

@Suite struct ResumeGroupTests {
    private let channel: Channel

    init() throws { channel = try #require(Channel.video("v")) }

    private func at(_ offset: UInt64, _ epoch: String = "a") -> Position { Position(offset: offset, epoch: epoch) }

    private func page(
        _ offsets: [UInt64], newest: Position, missing: [ClosedRange<UInt64>] = [], isCut: Bool = false
    ) -> HistoryPage {
        HistoryPage(
            position: newest,
            entries: offsets.map { HistoryEntry(offset: $0, frame: Array("id: \($0).\(newest.epoch)\n\n".utf8)) },
            missing: missing, isCut: isCut)
    }

    private func resumption(_ id: UInt64, after position: Position, joinedAt: Position) -> Resumption {
        Resumption(id: id, channel: channel, loop: 0, position: position, joinedAt: joinedAt)
    }

    private func texts(_ frames: [Frame]) -> [String] {
        frames.map { String(decoding: $0.bytes, as: UTF8.self).split(separator: "\n").joined(separator: " ") }
    }

    /// What each viewer gets out of the answers, and where it comes back into the stream.
    private func served(
        _ members: [Resumption], _ answers: [(question: UInt64, page: HistoryPage)]
    ) -> [ResumptionID: (frames: [String], rejoin: Rejoin)] {
        var group = ResumeGroup(channel, members, number: 1)
        var results: [ResumptionID: (frames: [String], rejoin: Rejoin)] = [:]
        for answer in answers {
            #expect(group.question == answer.question)
            for release in group.take(answer.page) {
                guard case .release(let id, let missed, let rejoin) = release.command else { continue }
                results[id] = (texts(missed.frames), rejoin)
            }
        }
        #expect(group.question == nil && group.unserved.isEmpty)
        return results
    }

    private func alone(
        _ position: Position, joinedAt: Position, _ pages: [(question: UInt64, page: HistoryPage)]
    ) -> (frames: [String], rejoin: Rejoin?) {
        let result = served([resumption(1, after: position, joinedAt: joinedAt)], pages)[1]
        return (result?.frames ?? [], result?.rejoin)
    }

    /// Redis came back without what this Reader had passed on already.
    @Test func whatTheHistoryLostAndTheStreamHasPassedIsTold() {
        let viewer = alone(at(5), joinedAt: at(9), [(5, page([6, 7], newest: at(7)))])
        #expect(
            viewer.frames == ["id: 6.a", "id: 7.a", #"id: 9.a event: gap data: {"from":8,"to":9,"reason":"expired"}"#])
        #expect(viewer.rejoin == Rejoin(reached: at(9), joinedAt: at(9)))
    }

    @Test func aLostHistoryIsToldUpToTheStreamsPlace() {
        let same = alone(at(5), joinedAt: at(9), [(5, .empty)])
        #expect(same.frames == [#"id: 9.a event: gap data: {"from":6,"to":9,"reason":"expired"}"#])
    }

    /// Redis came back without what the viewer and the stream have: what is published next lies beyond it.
    @Test func aPlaceThatRedisHasLostIsTrusted() {
        let viewer = alone(at(9), joinedAt: at(8), [(9, page([], newest: at(7)))])
        #expect(viewer.frames == [])
        #expect(viewer.rejoin == Rejoin(reached: at(9), joinedAt: at(8)))
    }

    /// Nobody knows which of the two is older: it is told when the next epoch comes.
    @Test func twoEpochsThatAreBothLostWaitForAThird() {
        let viewer = alone(at(5), joinedAt: at(2, "b"), [(5, .empty)])
        #expect(viewer.frames == [])
        #expect(viewer.rejoin?.isAhead(of: at(2, "b")) == true)
        #expect(viewer.rejoin?.relation(to: at(1, "c")) == .unclear)
    }

    @Test func aPlaceThatNobodyHasReachedIsUnknown() {
        let unknown = #"event: gap data: {"reason":"unknown_position"}"#
        #expect(alone(at(50), joinedAt: at(9), [(50, page([], newest: at(9)))]).frames == ["id: 9.a \(unknown)"])
        #expect(alone(at(50), joinedAt: .beginning, [(50, .empty)]).frames == ["id: 0.0 \(unknown)"])
    }

    @Test func aNewerEpochOfTheHistoryPutsTheViewerAheadOfTheStream() {
        let pages: [(UInt64, HistoryPage)] = [(5, page([], newest: at(1, "b"))), (0, page([1], newest: at(1, "b")))]
        let viewer = alone(at(5), joinedAt: at(9), pages)
        #expect(viewer.frames == [#"id: 0.b event: gap data: {"from":6,"reason":"epoch_changed"}"#, "id: 1.b"])
        #expect(viewer.rejoin?.isAhead(of: at(9)) == true)
    }

    @Test func aHistoryThatIsLostBetweenTwoPagesIsReadFromItsStart() {
        let pages: [(UInt64, HistoryPage)] = [
            (5, page([6], newest: at(9), isCut: true)), (6, page([2], newest: at(2, "b"))),
            (0, page([1, 2], newest: at(2, "b"))),
        ]
        let viewer = alone(at(5), joinedAt: at(9), pages)
        #expect(
            viewer.frames == [#"id: 0.b event: gap data: {"from":6,"reason":"epoch_changed"}"#, "id: 1.b", "id: 2.b"])
    }

    // MARK: Together

    @Test func oneReadingServesViewersOfAllPlaces() {
        let newest = at(8)
        let members = [7, 4, 8, 5, 5].enumerated().map { index, offset in
            resumption(UInt64(index), after: at(UInt64(offset)), joinedAt: newest)
        }
        let answers: [(UInt64, HistoryPage)] = [
            (4, page([5, 6], newest: newest, isCut: true)), (6, page([7, 8], newest: newest)),
        ]
        let results = served(members, answers)
        for (index, first) in [8, 5, 9, 6, 6].enumerated() {
            #expect(results[UInt64(index)]?.frames == (first..<9).map { "id: \($0).a" })
            #expect(results[UInt64(index)]?.rejoin.reached == newest)
        }
    }

    @Test func aGapIsToldToEachFromWhereItStands() {
        let members = [2, 10, 19, 20].map { resumption($0, after: at($0), joinedAt: at(21)) }
        let results = served(members, [(2, page([20, 21], newest: at(21), missing: [3...19]))])
        func gap(from: Int) -> String { #"id: 19.a event: gap data: {"from":\#(from),"to":19,"reason":"expired"}"# }
        #expect(results[2]?.frames == [gap(from: 3), "id: 20.a", "id: 21.a"])
        #expect(results[10]?.frames == [gap(from: 11), "id: 20.a", "id: 21.a"])
        #expect(results[19]?.frames == ["id: 20.a", "id: 21.a"])
        #expect(results[20]?.frames == ["id: 21.a"])
    }

    @Test func viewersOfALostHistoryShareASecondReading() {
        let members = [
            resumption(1, after: at(5), joinedAt: at(6)), resumption(2, after: at(9, "old"), joinedAt: at(6)),
            resumption(3, after: at(7, "old"), joinedAt: at(6)),
        ]
        let results = served(members, [(5, page([6], newest: at(6))), (0, page([1, 6], newest: at(6)))])
        func gap(from: Int) -> String { #"id: 0.a event: gap data: {"from":\#(from),"reason":"epoch_changed"}"# }
        #expect(results[1]?.frames == ["id: 6.a"])
        #expect(results[2]?.frames == [gap(from: 10), "id: 1.a", "id: 6.a"])
        #expect(results[3]?.frames == [gap(from: 8), "id: 1.a", "id: 6.a"])
    }

    /// Ten thousand come back while one history is being read: they share the next reading, and never is a second one
    /// of the channel under way.
    @Test func aStormOnOneChannelCostsTwoReadings() throws {
        var queue = ResumeQueue()
        var groups = (1...10_000).compactMap { id in
            queue.add(resumption(id, after: at(id % 8), joinedAt: at(8)))
        }
        #expect(groups.count == 1 && groups[0].question == 1 && queue.count == 9_999)
        var served = 0
        var readings = 0
        while !groups.isEmpty {
            var group = groups.removeFirst()
            while let question = group.question {
                readings += 1
                served += group.take(page(Array(question + 1...8), newest: at(8))).count
            }
            groups += queue.finished(channel).map { [$0] } ?? []
        }
        #expect(served == 10_000)
        #expect(readings == 2)
        #expect(queue.add(resumption(1, after: at(7), joinedAt: at(8))) != nil, "the channel is free again")
    }

    @Test func channelsDoNotWaitForEachOther() throws {
        let other = try #require(Channel.video("w"))
        var queue = ResumeQueue()
        #expect(queue.add(resumption(1, after: at(7), joinedAt: at(8))) != nil)
        let elsewhere = Resumption(id: 2, channel: other, loop: 0, position: at(7), joinedAt: at(8))
        #expect(queue.add(elsewhere)?.channel == other)
    }
}
