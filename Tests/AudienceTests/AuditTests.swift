import Testing
import Wire

@testable import Audience

@Suite struct AuditTests {
    func makeAudit(viewers: Int = 1) -> DeliveryAudit {
        DeliveryAudit(channelOfViewer: Array(repeating: 0, count: viewers), channels: 1)
    }

    @Test func aViewerCostsSixteenBytes() {
        #expect(MemoryLayout<ViewerState>.stride == 16)
    }

    @Test func aWholeStreamIsClean() {
        var audit = makeAudit()
        let epoch = audit.epoch("k3f9", channel: 0)
        audit.connected(viewer: 0, at: 5, epoch: epoch)
        audit.received(viewer: 0, offset: 6, epoch: epoch)
        audit.received(viewer: 0, offsets: 7...20, epoch: epoch)
        let verdict = audit.verdict(acknowledged: [0: [Position(offset: 20, epoch: "k3f9")]])
        #expect(verdict.isClean)
        #expect(verdict.delivered == 15)
        #expect(verdict.expected == 15)
        #expect(verdict.viewersShort == 0)
    }

    @Test func theFirstEpochIsLegal() {
        var audit = makeAudit()
        audit.connected(viewer: 0, at: 0, epoch: audit.epoch("0", channel: 0))
        audit.received(viewer: 0, offset: 1, epoch: audit.epoch("a", channel: 0))
        #expect(audit.counted.isClean)
        #expect(audit.counted.delivered == 1)
    }

    @Test func jumpsAreLostUntilTheyAreFilled() {
        var audit = makeAudit()
        let epoch = audit.epoch("a", channel: 0)
        audit.connected(viewer: 0, at: 0, epoch: epoch)
        audit.received(viewer: 0, offset: 4, epoch: epoch)
        #expect(audit.counted.lost == 3)
        audit.received(viewer: 0, offset: 2, epoch: epoch)
        #expect(audit.counted.lost == 2)
        #expect(audit.counted.reordered == 1)
        audit.received(viewer: 0, offset: 2, epoch: epoch)
        #expect(audit.counted.repeated == 1)
        #expect(audit.counted.delivered == 2)
    }

    @Test func theTailIsOwed() {
        var audit = makeAudit(viewers: 3)
        let epoch = audit.epoch("a", channel: 0)
        for viewer in 0..<2 { audit.connected(viewer: viewer, at: 0, epoch: epoch) }
        audit.received(viewer: 0, offsets: 1...8, epoch: epoch)
        audit.received(viewer: 1, offsets: 1...10, epoch: epoch)
        let goal = [0: [Position(offset: 10, epoch: "a")]]
        #expect(audit.viewersShort(of: goal) == 1)
        let verdict = audit.verdict(acknowledged: goal)
        #expect(verdict.lost == 2)
        #expect(verdict.viewersShort == 1)
        // Viewer 2 never joined: nothing is owed to it.
        #expect(verdict.expected == 20)
        #expect(audit.verdict(acknowledged: [:]).lost == 0)
    }

    @Test func gapsTellWhatIsMissing() {
        var audit = makeAudit()
        let epoch = audit.epoch("a", channel: 0)
        audit.connected(viewer: 0, at: 17, epoch: epoch)
        audit.gap(viewer: 0, at: 240, epoch: epoch, from: 18)
        audit.received(viewer: 0, offset: 241, epoch: epoch)
        #expect(audit.counted.toldMissing == 223)
        #expect(audit.counted.isClean)
    }

    @Test func aGapThatBeginsTooLateLeavesALoss() {
        var audit = makeAudit()
        let epoch = audit.epoch("a", channel: 0)
        audit.connected(viewer: 0, at: 10, epoch: epoch)
        audit.gap(viewer: 0, at: 20, epoch: epoch, from: 14)
        #expect(audit.counted.lost == 3)
        #expect(audit.counted.toldMissing == 7)
        audit.gap(viewer: 0, at: 20, epoch: epoch, from: 11)
        #expect(audit.counted.lost == 0)
        #expect(audit.counted.toldMissing == 10)
    }

    @Test func aNewEpochNeedsAGap() {
        var audit = makeAudit(viewers: 2)
        let old = audit.epoch("old", channel: 0)
        for viewer in 0..<2 {
            audit.connected(viewer: viewer, at: 0, epoch: old)
            audit.received(viewer: viewer, offsets: 1...5, epoch: old)
        }
        let new = audit.epoch("new", channel: 0)
        audit.gap(viewer: 0, at: 0, epoch: new, from: 6)
        audit.received(viewer: 0, offset: 1, epoch: new)
        #expect(audit.counted.isClean)
        audit.received(viewer: 1, offset: 3, epoch: new)
        #expect(audit.counted.epochBreaks == 1)
        #expect(audit.counted.lost == 2)
        audit.received(viewer: 1, offset: 6, epoch: old)
        #expect(audit.counted.reordered == 1)
        // A viewer that never heard of the new epoch is owed all of it.
        var deaf = makeAudit()
        let first = deaf.epoch("old", channel: 0)
        deaf.connected(viewer: 0, at: 0, epoch: first)
        #expect(deaf.verdict(acknowledged: [0: [Position(offset: 4, epoch: "new")]]).lost == 4)
    }

    @Test func reconnectionsKeepTheState() {
        var audit = makeAudit()
        let epoch = audit.epoch("a", channel: 0)
        audit.connected(viewer: 0, at: 3, epoch: epoch)
        audit.received(viewer: 0, offset: 4, epoch: epoch)
        audit.connected(viewer: 0, at: 9, epoch: epoch)
        audit.received(viewer: 0, offsets: 5...9, epoch: epoch)
        #expect(audit.counted.isClean)
        #expect(audit.counted.reconnects == 1)
        #expect(audit.counted.delivered == 6)
    }

    @Test func aRestartOfRedisIsNoLoss() {
        var audit = makeAudit(viewers: 3)
        let epoch = audit.epoch("a", channel: 0)
        let step: UInt64 = 1_000_000_000
        for viewer in 0..<3 { audit.connected(viewer: viewer, at: 0, epoch: epoch) }
        // 10 events survived; the next one is a step further.
        audit.received(viewer: 0, offsets: 1...10, epoch: epoch)
        audit.received(viewer: 0, offset: 10 + step, epoch: epoch)
        #expect(audit.counted.lost == 0)
        // One viewer had missed two of them.
        audit.received(viewer: 1, offsets: 1...8, epoch: epoch)
        audit.received(viewer: 1, offset: 10 + step, epoch: epoch)
        #expect(audit.counted.lost == 2)
        // One had seen two that Redis lost.
        audit.received(viewer: 2, offsets: 1...12, epoch: epoch)
        audit.received(viewer: 2, offset: 10 + step, epoch: epoch)
        #expect(audit.counted.lost == 2)
        #expect(audit.verdict(acknowledged: [0: [Position(offset: 11 + step, epoch: "a")]]).lost == 5)
    }

    @Test func absurdOffsetsDoNotOverflow() {
        var audit = makeAudit()
        let epoch = audit.epoch("a", channel: 0)
        audit.connected(viewer: 0, at: 0, epoch: epoch)
        audit.received(viewer: 0, offsets: .max...(.max), epoch: epoch)
        audit.received(viewer: 0, offset: 0, epoch: epoch)
        audit.gap(viewer: 0, at: .max, epoch: epoch, from: .max)
        audit.gap(viewer: 0, at: .max, epoch: audit.epoch("b", channel: 0), from: 0)
        audit.received(viewer: 0, offset: .max, epoch: audit.epoch("c", channel: 0))
        _ = audit.verdict(acknowledged: [0: [Position(offset: .max, epoch: "d")]])
        #expect(audit.counted.epochBreaks == 1)
    }

    @Test func whatALostEpochStillOwedIsToldByTheGap() {
        var audit = makeAudit(viewers: 4)
        let old = audit.epoch("old", channel: 0)
        let new = audit.epoch("new", channel: 0)
        for viewer in 0..<4 {
            audit.connected(viewer: viewer, at: 0, epoch: old)
            audit.received(viewer: viewer, offsets: 1...5, epoch: old)
        }
        // One is told all that it lacks, one only the end of it, one nothing, and one has everything.
        audit.gap(viewer: 0, at: 0, epoch: new, from: 6)
        audit.gap(viewer: 1, at: 0, epoch: new, from: 8)
        audit.received(viewer: 2, offset: 1, epoch: new)
        audit.received(viewer: 3, offsets: 6...9, epoch: old)
        audit.gap(viewer: 3, at: 0, epoch: new)
        for viewer in [0, 1, 3] { audit.received(viewer: viewer, offset: 1, epoch: new) }
        let verdict = audit.verdict(
            acknowledged: [0: [Position(offset: 9, epoch: "old"), Position(offset: 1, epoch: "new")]])
        #expect(verdict.toldMissing == 4 + 2)
        #expect(verdict.lost == 2 + 4)
        #expect(verdict.viewersShort == 0)
        #expect(verdict.expected == verdict.delivered + 12)
    }
}
