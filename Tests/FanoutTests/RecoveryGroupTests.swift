import Broker
import Testing
import Wire

@testable import Fanout

@Suite struct RecoveryGroupTests {
    private func recovery(_ id: UInt64, after position: Position, attachedAt: Position) -> Recovery {
        Recovery(id: id, channel: channel, loop: 0, position: position, attachedAt: attachedAt)
    }

    private func texts(_ frames: [Frame]) -> [String] {
        frames.map { text($0).split(separator: "\n").joined(separator: " ") }
    }

    /// What each viewer gets out of the pages, and how far it is then.
    private func served(
        _ members: [Recovery], _ answers: [(offset: UInt64, page: HistoryPage)]
    ) -> [RecoveryID: (frames: [String], cursor: RecoveryCursor)] {
        var group = RecoveryGroup(channel, members, number: 1)
        var results: [RecoveryID: (frames: [String], cursor: RecoveryCursor)] = [:]
        for answer in answers {
            #expect(group.offset == answer.offset)
            for reply in group.received(answer.page) {
                guard case .recover(let id, let missed, let cursor) = reply.command else { continue }
                results[id] = (texts(missed.frames), cursor)
            }
        }
        #expect(group.offset == nil && group.failures.isEmpty)
        return results
    }

    private func alone(
        _ position: Position, attachedAt: Position, _ pages: [(offset: UInt64, page: HistoryPage)]
    ) -> (frames: [String], cursor: RecoveryCursor?) {
        let result = served([recovery(1, after: position, attachedAt: attachedAt)], pages)[1]
        return (result?.frames ?? [], result?.cursor)
    }

    /// Redis came back without what this Reader had delivered already.
    @Test func aGapStandsForWhatTheHistoryLostAndTheStreamDelivered() {
        let viewer = alone(at(5), attachedAt: at(9), [(5, page([6, 7], newest: at(7)))])
        #expect(
            viewer.frames == ["id: 6.e", "id: 7.e", #"id: 9.e event: gap data: {"from":8,"to":9,"reason":"expired"}"#])
        #expect(viewer.cursor == RecoveryCursor(reached: at(9), attachedAt: at(9)))
    }

    @Test func aGapStandsForALostHistoryUpToTheStreamsPosition() {
        let same = alone(at(5), attachedAt: at(9), [(5, .empty)])
        #expect(same.frames == [#"id: 9.e event: gap data: {"from":6,"to":9,"reason":"expired"}"#])
    }

    /// Redis came back without what the viewer and the stream have: what is published next lies beyond it.
    @Test func aPositionThatRedisHasLostIsTrusted() {
        let viewer = alone(at(9), attachedAt: at(8), [(9, page([], newest: at(7)))])
        #expect(viewer.frames == [] && viewer.cursor == RecoveryCursor(reached: at(9), attachedAt: at(8)))
    }

    /// Nobody knows which of the two is older: the gap comes with the next epoch.
    @Test func twoEpochsThatAreBothLostWaitForAThird() {
        let viewer = alone(at(5), attachedAt: at(2, "b"), [(5, .empty)])
        #expect(viewer.frames == [])
        #expect(viewer.cursor?.isAhead(of: at(2, "b")) == true)
        #expect(viewer.cursor?.relation(to: at(1, "c")) == .unclear)
    }

    @Test func aPositionThatNobodyHasReachedIsUnknown() {
        let unknown = #"event: gap data: {"reason":"unknown_position"}"#
        #expect(alone(at(50), attachedAt: at(9), [(50, page([], newest: at(9)))]).frames == ["id: 9.e \(unknown)"])
        #expect(alone(at(50), attachedAt: .beginning, [(50, .empty)]).frames == ["id: 0.0 \(unknown)"])
    }

    @Test func aNewerEpochOfTheHistoryPutsTheViewerAheadOfTheStream() {
        let pages: [(UInt64, HistoryPage)] = [(5, page([], newest: at(1, "b"))), (0, page([1], newest: at(1, "b")))]
        let viewer = alone(at(5), attachedAt: at(9), pages)
        #expect(viewer.frames == [#"id: 0.b event: gap data: {"from":6,"reason":"epoch_changed"}"#, "id: 1.b"])
        #expect(viewer.cursor?.isAhead(of: at(9)) == true)
    }

    @Test func aHistoryThatIsLostBetweenTwoPagesIsReadFromItsStart() {
        let pages: [(UInt64, HistoryPage)] = [
            (5, page([6], newest: at(9), isCut: true)), (6, page([2], newest: at(2, "b"))),
            (0, page([1, 2], newest: at(2, "b"))),
        ]
        let viewer = alone(at(5), attachedAt: at(9), pages)
        #expect(
            viewer.frames == [#"id: 0.b event: gap data: {"from":6,"reason":"epoch_changed"}"#, "id: 1.b", "id: 2.b"])
    }

    // MARK: Together

    @Test func oneScanServesViewersAtAllPositions() {
        let newest = at(8)
        let members = [7, 4, 8, 5, 5].enumerated().map { index, offset in
            recovery(UInt64(index), after: at(UInt64(offset)), attachedAt: newest)
        }
        let answers: [(UInt64, HistoryPage)] = [
            (4, page([5, 6], newest: newest, isCut: true)), (6, page([7, 8], newest: newest)),
        ]
        let results = served(members, answers)
        for (index, first) in [8, 5, 9, 6, 6].enumerated() {
            #expect(results[UInt64(index)]?.frames == (first..<9).map { "id: \($0).e" })
            #expect(results[UInt64(index)]?.cursor.reached == newest)
        }
    }

    @Test func aGapBeginsAtEachViewersPosition() {
        let members = [2, 10, 19, 20].map { recovery($0, after: at($0), attachedAt: at(21)) }
        let results = served(members, [(2, page([20, 21], newest: at(21), missing: [3...19]))])
        func gap(from: Int) -> String { #"id: 19.e event: gap data: {"from":\#(from),"to":19,"reason":"expired"}"# }
        #expect(results[2]?.frames == [gap(from: 3), "id: 20.e", "id: 21.e"])
        #expect(results[10]?.frames == [gap(from: 11), "id: 20.e", "id: 21.e"])
        #expect(results[19]?.frames == ["id: 20.e", "id: 21.e"])
        #expect(results[20]?.frames == ["id: 21.e"])
    }

    @Test func viewersOfALostHistoryShareASecondScan() {
        let members = [
            recovery(1, after: at(5), attachedAt: at(6)), recovery(2, after: at(9, "old"), attachedAt: at(6)),
            recovery(3, after: at(7, "old"), attachedAt: at(6)),
        ]
        let results = served(members, [(5, page([6], newest: at(6))), (0, page([1, 6], newest: at(6)))])
        func gap(from: Int) -> String { #"id: 0.e event: gap data: {"from":\#(from),"reason":"epoch_changed"}"# }
        #expect(results[1]?.frames == ["id: 6.e"])
        #expect(results[2]?.frames == [gap(from: 10), "id: 1.e", "id: 6.e"])
        #expect(results[3]?.frames == [gap(from: 8), "id: 1.e", "id: 6.e"])
    }

    /// Ten thousand viewers come back while a history is being read: they share the next scan, and there is never a second
    /// one of the channel under way.
    @Test func aStormOnOneChannelCostsTwoScans() throws {
        var queue = RecoveryQueue()
        var groups = (1...10_000).compactMap { id in
            queue.add(recovery(id, after: at(id % 8), attachedAt: at(8)))
        }
        #expect(groups.count == 1 && groups[0].offset == 1 && queue.count == 9_999)
        var served = 0
        var scans = 0
        while !groups.isEmpty {
            var group = groups.removeFirst()
            while let offset = group.offset {
                scans += 1
                served += group.received(page(Array(offset + 1...8), newest: at(8))).count
            }
            groups += queue.finished(channel).map { [$0] } ?? []
        }
        #expect(served == 10_000)
        #expect(scans == 2)
        #expect(queue.add(recovery(1, after: at(7), attachedAt: at(8))) != nil, "the channel is free again")
    }

    @Test func channelsDoNotWaitForEachOther() throws {
        let other = try #require(Channel.video("w"))
        var queue = RecoveryQueue()
        #expect(queue.add(recovery(1, after: at(7), attachedAt: at(8))) != nil)
        let elsewhere = Recovery(id: 2, channel: other, loop: 0, position: at(7), attachedAt: at(8))
        #expect(queue.add(elsewhere)?.channel == other)
    }
}
