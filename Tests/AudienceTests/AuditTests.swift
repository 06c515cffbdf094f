import Placement
import Testing
import Wire

@testable import Audience

@Suite struct AuditTests {
    /// An audit of one channel, all of whose viewers are connected at `offset` of `epoch`.
    func makeAudit(viewers: Int = 1, at offset: UInt64 = 0, epoch name: String = "a") -> (
        DeliveryAudit, DeliveryAudit.Epoch
    ) {
        var audit = DeliveryAudit(channelOfViewer: Array(repeating: 0, count: viewers), channels: 1)
        let epoch = audit.epoch(name, channel: 0)
        for viewer in 0..<viewers { audit.connected(viewer: viewer, at: offset, epoch: epoch) }
        return (audit, epoch)
    }

    /// A channel on which all offsets of each epoch were acknowledged, up to the given ones.
    func makeWritten(_ ends: [(UInt64, String)]) -> ChannelComments {
        var comments = ChannelComments()
        for (last, epoch) in ends {
            for offset in 1...last {
                comments.acknowledge(Position(offset: offset, epoch: epoch), digest: 7, microseconds: 0)
            }
        }
        return comments
    }

    @Test func aViewerCostsFewBytes() {
        #expect(MemoryLayout<ViewerState>.stride == 16 && MemoryLayout<ViewerJoin>.stride <= 24)
    }

    @Test func aWholeStreamIsClean() {
        var (audit, epoch) = makeAudit(at: 5, epoch: "k3f9")
        audit.received(viewer: 0, offset: 6, epoch: epoch)
        audit.received(viewer: 0, offsets: 7...20, epoch: epoch)
        let verdict = audit.verdict(written: [0: makeWritten([(20, "k3f9")])])
        #expect(verdict.isClean && verdict.delivered == 15)
        #expect(verdict.expected == 15 && verdict.viewersShort == 0)
    }

    @Test func theFirstEpochIsLegal() {
        var (audit, _) = makeAudit(epoch: "0")
        audit.received(viewer: 0, offset: 1, epoch: audit.epoch("a", channel: 0))
        #expect(audit.counted.isClean && audit.counted.delivered == 1)
    }

    @Test func jumpsAreLostUntilTheyAreFilled() {
        var (audit, epoch) = makeAudit()
        audit.received(viewer: 0, offset: 4, epoch: epoch)
        #expect(audit.counted.lost == 3)
        audit.received(viewer: 0, offset: 2, epoch: epoch)
        #expect(audit.counted.lost == 2 && audit.counted.reordered == 1)
        audit.received(viewer: 0, offset: 2, epoch: epoch)
        #expect(audit.counted.repeated == 1 && audit.counted.delivered == 2)
    }

    @Test func theTailIsOwed() {
        var audit = DeliveryAudit(channelOfViewer: [0, 0, 0], channels: 1)
        let epoch = audit.epoch("a", channel: 0)
        for viewer in 0..<2 { audit.connected(viewer: viewer, at: 0, epoch: epoch) }
        audit.received(viewer: 0, offsets: 1...8, epoch: epoch)
        audit.received(viewer: 1, offsets: 1...10, epoch: epoch)
        let goal = [0: [Position(offset: 10, epoch: "a")]]
        let goals = audit.goals(goal)
        #expect(audit.viewersShort(of: goals) == 1)
        let verdict = audit.verdict(written: [0: makeWritten([(10, "a")])])
        #expect(verdict.lost == 2 && verdict.viewersShort == 1)
        // Viewer 2 never joined: nothing is owed to it.
        #expect(verdict.expected == 20)
        #expect(audit.verdict(written: [:]).lost == 0)
    }

    @Test func gapsTellWhatIsMissing() {
        var (audit, epoch) = makeAudit(at: 17)
        audit.gap(viewer: 0, at: 240, epoch: epoch, from: 18)
        audit.received(viewer: 0, offset: 241, epoch: epoch)
        #expect(audit.counted.toldMissing == 223 && audit.counted.isClean)
    }

    @Test func aGapThatBeginsTooLateLeavesALoss() {
        var (audit, epoch) = makeAudit(at: 10)
        audit.gap(viewer: 0, at: 20, epoch: epoch, from: 14)
        #expect(audit.counted.lost == 3 && audit.counted.toldMissing == 7)
        audit.gap(viewer: 0, at: 20, epoch: epoch, from: 11)
        #expect(audit.counted.lost == 0 && audit.counted.toldMissing == 10)
    }

    @Test func aNewEpochNeedsAGap() {
        var (audit, old) = makeAudit(viewers: 2, epoch: "old")
        for viewer in 0..<2 { audit.received(viewer: viewer, offsets: 1...5, epoch: old) }
        let new = audit.epoch("new", channel: 0)
        audit.gap(viewer: 0, at: 0, epoch: new, from: 6)
        audit.received(viewer: 0, offset: 1, epoch: new)
        #expect(audit.counted.isClean)
        audit.received(viewer: 1, offset: 3, epoch: new)
        #expect(audit.counted.epochBreaks == 1 && audit.counted.lost == 2)
        audit.received(viewer: 1, offset: 6, epoch: old)
        #expect(audit.counted.reordered == 1)
        // A viewer that never heard of the new epoch is owed all of it.
        var (deaf, _) = makeAudit(epoch: "old")
        #expect(deaf.verdict(written: [0: makeWritten([(4, "new")])]).lost == 4)
    }

    @Test func reconnectionsKeepTheState() {
        var (audit, epoch) = makeAudit(at: 3)
        audit.received(viewer: 0, offset: 4, epoch: epoch)
        audit.connected(viewer: 0, at: 9, epoch: epoch)
        audit.received(viewer: 0, offsets: 5...9, epoch: epoch)
        #expect(audit.counted.isClean && audit.counted.reconnects == 1 && audit.counted.delivered == 6)
    }

    @Test func aRestartOfRedisIsNoLoss() {
        var (audit, epoch) = makeAudit(viewers: 3)
        let step: UInt64 = 1_000_000
        // 10 events survived; the next one stands a step further.
        audit.received(viewer: 0, offsets: 1...10, epoch: epoch)
        audit.received(viewer: 0, offset: 11 + step, epoch: epoch)
        #expect(audit.counted.lost == 0)
        // One viewer had missed two of them.
        audit.received(viewer: 1, offsets: 1...8, epoch: epoch)
        audit.received(viewer: 1, offset: 11 + step, epoch: epoch)
        #expect(audit.counted.lost == 2)
        // One had seen two that Redis lost.
        audit.received(viewer: 2, offsets: 1...12, epoch: epoch)
        audit.received(viewer: 2, offset: 11 + step, epoch: epoch)
        #expect(audit.counted.lost == 2)
        var written = makeWritten([(10, "a")])
        for offset in [11 + step, 12 + step] {
            written.acknowledge(Position(offset: offset, epoch: "a"), digest: 7, microseconds: 0)
        }
        #expect(audit.verdict(written: [0: written]).lost == 5)
        // One missed the only event between two of them.
        var (other, _) = makeAudit(at: 10)
        other.received(viewer: 0, offset: 12 + 7 * step, epoch: epoch)
        #expect(other.counted.lost == 1)
    }

    @Test func absurdOffsetsDoNotOverflow() {
        var (audit, epoch) = makeAudit()
        audit.received(viewer: 0, offsets: .max...(.max), epoch: epoch)
        audit.received(viewer: 0, offset: 0, epoch: epoch)
        audit.gap(viewer: 0, at: .max, epoch: epoch, from: .max)
        audit.gap(viewer: 0, at: .max, epoch: audit.epoch("b", channel: 0), from: 0)
        audit.received(viewer: 0, offset: .max, epoch: audit.epoch("c", channel: 0))
        var written = ChannelComments()
        written.acknowledge(Position(offset: .max, epoch: "d"), digest: 7, microseconds: 0)
        _ = audit.verdict(written: [0: written])
        #expect(audit.counted.epochBreaks == 1)
    }

    @Test func whatALostEpochStillOwedIsToldByTheGap() {
        var (audit, old) = makeAudit(viewers: 4, epoch: "old")
        let new = audit.epoch("new", channel: 0)
        for viewer in 0..<4 { audit.received(viewer: viewer, offsets: 1...5, epoch: old) }
        // One is told all that it lacks, one only the end of it, one nothing, and one has everything.
        audit.gap(viewer: 0, at: 0, epoch: new, from: 6)
        audit.gap(viewer: 1, at: 0, epoch: new, from: 8)
        audit.received(viewer: 2, offset: 1, epoch: new)
        audit.received(viewer: 3, offsets: 6...9, epoch: old)
        audit.gap(viewer: 3, at: 0, epoch: new)
        for viewer in [0, 1, 3] { audit.received(viewer: viewer, offset: 1, epoch: new) }
        let verdict = audit.verdict(written: [0: makeWritten([(9, "old"), (1, "new")])])
        #expect(verdict.toldMissing == 4 + 2 && verdict.lost == 2 + 4)
        #expect(verdict.viewersShort == 0 && verdict.expected == verdict.delivered + 12)
        #expect(verdict.unaccounted == 0)
    }

    /// The audit's own books balance whatever it forgets; what was owed comes from elsewhere, and shows it.
    @Test func whatIsOwedIsCountedFromTheAcknowledgements() {
        var (audit, epoch) = makeAudit(viewers: 2, at: 3)
        audit.received(viewer: 0, offsets: 4...10, epoch: epoch)
        var verdict = audit.verdict(written: [0: makeWritten([(10, "a")])])
        #expect(verdict.expected == 14 && verdict.delivered == 7 && verdict.lost == 7 && verdict.unaccounted == 0)
        // A viewer left an epoch whose end nobody knows, and one between was never seen by it.
        let third = audit.epoch("c", channel: 0)
        audit.gap(viewer: 1, at: 0, epoch: third, from: 4)
        verdict = audit.verdict(written: [0: makeWritten([(10, "a"), (5, "b"), (2, "c")])])
        #expect(verdict.expected == 14 + 10 + 4 && verdict.unaccounted > 0 && !verdict.isClean)
    }
}

/// One viewer, remembered whole: what became of every offset of every epoch.
private struct NaiveViewer {
    enum Fate { case delivered, told, missing }

    var epoch = 0
    var last = 0
    var joined = false
    var fates: [Int: [Int: Fate]] = [:]
    var repeated = 0
    var reordered = 0
    var breaks = 0

    mutating func mark(_ offsets: ClosedRange<Int>, _ fate: Fate) {
        for offset in offsets { fates[epoch, default: [:]][offset] = fate }
    }

    mutating func receive(_ offset: Int, _ newEpoch: Int) {
        if newEpoch < epoch {
            reordered += 1
            return
        }
        if newEpoch > epoch {
            if epoch > 0 { breaks += 1 }
            (epoch, last) = (newEpoch, 0)
        }
        if offset > last {
            if offset > last + 1 { mark(last + 1...offset - 1, .missing) }
            mark(offset...offset, .delivered)
            last = offset
        } else if fates[epoch]?[offset] == .missing {
            mark(offset...offset, .delivered)
            reordered += 1
        } else {
            repeated += 1
        }
    }

    mutating func gap(at offset: Int, _ newEpoch: Int, from: Int?) {
        guard newEpoch >= epoch else { return }
        if newEpoch > epoch {
            (epoch, last) = (newEpoch, offset)
            if offset > 0 { mark(1...offset, .told) }
            return
        }
        for known in fates[epoch] ?? [:] where known.value == .missing {
            if let from, known.key >= from, known.key <= offset { mark(known.key...known.key, .told) }
        }
        if let from, from <= offset, from > last + 1 {
            mark(last + 1...from - 1, .missing)
            last = from - 1
        }
        if offset > last {
            mark(last + 1...offset, .told)
            last = offset
        }
    }

    func count(_ fate: Fate) -> Int {
        fates.values.reduce(0) { $0 + $1.values.count { $0 == fate } }
    }
}

@Suite struct AuditModelTests {
    @Test(arguments: 1...60) func auditAgreesWithAModelThatForgetsNothing(seed: UInt64) {
        var draws = Xoshiro256(seed: seed)
        let viewers = 4
        var audit = DeliveryAudit(channelOfViewer: (0..<viewers).map { $0 % 2 }, channels: 2)
        var models = [NaiveViewer](repeating: NaiveViewer(), count: viewers)
        // All epochs are known from the start, so that their order is their number.
        let names = ["0", "a", "b", "c"]
        let epochs = (0..<2).map { channel in names.map { audit.epoch($0, channel: channel) } }
        for viewer in 0..<viewers {
            let epoch = draws.below(2)
            let offset = epoch == 0 ? 0 : draws.below(20)
            audit.connected(viewer: viewer, at: UInt64(offset), epoch: epochs[viewer % 2][epoch])
            (models[viewer].epoch, models[viewer].last) = (epoch, offset)
        }
        for _ in 0..<400 {
            let viewer = draws.below(viewers)
            let model = models[viewer]
            let epoch = min(3, max(1, model.epoch + [0, 0, 0, 0, 0, 0, 0, 0, -1, 1][draws.below(10)]))
            let table = epochs[viewer % 2]
            switch draws.below(12) {
            case 0:
                let offset = max(0, model.last + draws.within(-6...6))
                let from = draws.below(2) == 0 ? nil : max(1, model.last + draws.within(-6...8))
                audit.gap(viewer: viewer, at: UInt64(offset), epoch: table[epoch], from: from.map(UInt64.init))
                models[viewer].gap(at: offset, epoch, from: from)
            case 1: audit.connected(viewer: viewer, at: UInt64(draws.below(30)), epoch: table[epoch])
            case 2...4:
                let first = max(1, model.last + draws.within(-4...5))
                let last = first + draws.below(6)
                audit.received(viewer: viewer, offsets: UInt64(first)...UInt64(last), epoch: table[epoch])
                for offset in first...last { models[viewer].receive(offset, epoch) }
            default:
                let offset = max(1, model.last + [1, 1, 1, 1, 1, 2, 3, 0, -1, -3][draws.below(10)])
                audit.received(viewer: viewer, offset: UInt64(offset), epoch: table[epoch])
                models[viewer].receive(offset, epoch)
            }
        }
        let counted = audit.counted
        func sum(_ value: (NaiveViewer) -> Int) -> Int { models.reduce(0) { $0 + value($1) } }
        #expect(counted.delivered == sum { $0.count(.delivered) } && counted.lost == sum { $0.count(.missing) })
        #expect(counted.toldMissing == sum { $0.count(.told) } && counted.repeated == sum(\.repeated))
        #expect(counted.reordered == sum(\.reordered) && counted.epochBreaks == sum(\.breaks))

        var written = [0: ChannelComments(), 1: ChannelComments()]
        written[0]?.acknowledge(Position(offset: 300, epoch: "b"), digest: 7, microseconds: 0)
        written[1]?.acknowledge(Position(offset: 9, epoch: "c"), digest: 7, microseconds: 0)
        let owed = models.enumerated().reduce(0) { sum, entry in
            let (epoch, offset) = entry.offset % 2 == 0 ? (2, 300) : (3, 9)
            let model = entry.element
            guard model.epoch <= epoch else { return sum }
            return sum + max(0, model.epoch == epoch ? offset - model.last : offset)
        }
        let verdict = audit.verdict(written: written)
        #expect(verdict.unreached == owed)
        // What an epoch that is over still owed comes on top.
        #expect(verdict.lost >= counted.lost + owed)
    }
}

/// Viewers who come and go.
@Suite struct MovingAuditTests {
    /// Ten comments, one a second: the first at 1 s.
    private func makeWritten() -> [Int: ChannelComments] {
        var comments = ChannelComments()
        for offset in 1...10 as ClosedRange<UInt64> {
            comments.acknowledge(
                Position(offset: offset, epoch: "a"), digest: 7, sent: Int64(offset) * 1_000_000, microseconds: 0)
        }
        return [0: comments]
    }

    private func makeAudit(at offset: UInt64 = 0, joined: Int64 = 0) -> (DeliveryAudit, DeliveryAudit.Epoch) {
        var audit = DeliveryAudit(channelOfViewer: [0], channels: 1)
        let epoch = audit.epoch("a", channel: 0)
        audit.connected(viewer: 0, at: offset, epoch: epoch, microseconds: joined)
        return (audit, epoch)
    }

    @Test(arguments: [(4 as UInt64, 0, 1, 5), (6, 0, 0, 5), (7, 0, 0, 5), (3, 2_000_000, 0, 3)])
    func aViewerThatLeavesIsOwedWhatWasSentBefore(last: UInt64, grace: Int64, lost: Int, expected: Int) {
        var (audit, epoch) = makeAudit()
        audit.received(viewer: 0, offsets: 1...last, epoch: epoch)
        audit.left(viewer: 0, microseconds: 5_500_000, to: 0)
        let verdict = audit.verdict(written: makeWritten(), graceMicroseconds: grace)
        #expect(verdict.lost == lost && verdict.expected == expected)
        #expect(verdict.departed == 1 && verdict.delivered == Int(last))
        #expect(verdict.notOwed == max(0, Int(last) - expected))
        #expect(verdict.unaccounted == 0 && verdict.isClean == (lost == 0))
    }

    @Test func itsPlaceIsFreeForAnother() {
        var (audit, epoch) = makeAudit()
        audit.received(viewer: 0, offsets: 1...5, epoch: epoch)
        audit.left(viewer: 0, microseconds: 5_500_000, to: 0)
        audit.connected(viewer: 0, at: 7, epoch: epoch, microseconds: 7_500_000)
        audit.received(viewer: 0, offsets: 8...10, epoch: epoch)
        let verdict = audit.verdict(written: makeWritten())
        #expect(verdict.isClean && verdict.expected == 8 && verdict.delivered == 8 && verdict.joined == 2)
        #expect(verdict.reconnects == 0)
    }

    @Test func whoChangesTheChannelIsOwedTheOther() {
        var (audit, epoch) = makeAudit()
        audit.received(viewer: 0, offsets: 1...5, epoch: epoch)
        let other = audit.addChannel()
        audit.left(viewer: 0, microseconds: 5_500_000, to: other)
        audit.connected(viewer: 0, at: 0, epoch: audit.epoch("0", channel: other), microseconds: 6_000_000)
        var written = makeWritten()
        written[other] = written[0]
        #expect(other == 1 && audit.verdict(written: written).lost == 10)
        audit.received(viewer: 0, offsets: 1...10, epoch: audit.epoch("a", channel: other))
        let verdict = audit.verdict(written: written)
        #expect(verdict.isClean && verdict.expected == 15 && verdict.delivered == 15)
    }

    @Test func holesOfALeaverStayLost() {
        var (audit, epoch) = makeAudit()
        audit.received(viewer: 0, offsets: 1...2, epoch: epoch)
        audit.received(viewer: 0, offsets: 5...5, epoch: epoch)
        audit.left(viewer: 0, microseconds: 5_500_000, to: 0)
        audit.connected(viewer: 0, at: 10, epoch: epoch, microseconds: 11_000_000)
        let verdict = audit.verdict(written: makeWritten())
        #expect(verdict.lost == 2 && verdict.expected == 5 && verdict.delivered == 3)
    }

    /// The greeting came at 3.5 s and named position 5; two comments that were sent later stand up to there.
    @Test func aViewerThatIsLedPastCommentsLosesThem() {
        let (honest, lied) = (makeAudit(at: 3, joined: 3_500_000), makeAudit(at: 5, joined: 3_500_000))
        for (made, first, lost) in [(honest, 4 as UInt64, 0), (lied, 6, 2)] {
            var (audit, epoch) = made
            audit.received(viewer: 0, offsets: first...10, epoch: epoch)
            #expect(audit.verdict(written: makeWritten()).lost == lost)
        }
    }
}
