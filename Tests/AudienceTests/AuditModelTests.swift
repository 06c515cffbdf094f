import Audience
import Placement
import Testing
import Wire

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
    /// Random streams with everything that can go wrong, against a model that forgets nothing.
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
        #expect(counted.delivered == sum { $0.count(.delivered) })
        #expect(counted.lost == sum { $0.count(.missing) })
        #expect(counted.toldMissing == sum { $0.count(.told) })
        #expect(counted.repeated == sum(\.repeated))
        #expect(counted.reordered == sum(\.reordered))
        #expect(counted.epochBreaks == sum(\.breaks))

        let goals = [0: [Position(offset: 300, epoch: "b")], 1: [Position(offset: 9, epoch: "c")]]
        let owed = models.enumerated().reduce(0) { sum, entry in
            let (epoch, offset) = entry.offset % 2 == 0 ? (2, 300) : (3, 9)
            let model = entry.element
            guard model.epoch <= epoch else { return sum }
            return sum + max(0, model.epoch == epoch ? offset - model.last : offset)
        }
        let verdict = audit.verdict(acknowledged: goals)
        #expect(verdict.unreached == owed)
        // What an epoch that is over still owed comes on top.
        #expect(verdict.lost >= counted.lost + owed)
        #expect(verdict.expected == verdict.delivered + verdict.lost + verdict.toldMissing)
    }
}
