import Wire

/// What one viewer saw of its channel, checked event by event.
final class Testimony {
    private enum Place: Equatable {
        /// No `connected` yet.
        case nowhere
        /// Came to an empty channel; everything from this index of the log on is owed.
        case beginning(from: Int)
        /// Everything up to this index of the log is settled.
        case at(Int)
    }

    let name: String
    private let channel: Int
    private unowned let witness: Witness
    private var place = Place.nowhere
    private(set) var isConnected = false
    /// Length of the log when the viewer asked to begin.
    private var beginning = 0
    /// Passed over without a word: wrong as soon as they are acknowledged.
    private var skipped: [Int] = []
    /// Set when it was told that its position is unknown, and that it begins anew before what it has: from there on it
    /// may get things again, and gaps for what lies before, in order.
    private var beginsAnewAfter: Int?
    /// The last position that came, also one that nobody is owed.
    private var newest: Position?
    /// It named a position that is none, and has to be told so.
    var mayBeToldAnything = false

    init(name: String, channel: Int, witness: Witness) {
        self.name = name
        self.channel = channel
        self.witness = witness
    }

    func complain(_ text: String) { witness.complain("\(name): \(text)") }

    // MARK: Coming

    /// It asks without a position: what came before is not owed.
    func begins() {
        checkSkipped()
        place = .nowhere
        skipped = []
        beginning = witness.logs[channel].count
        mayBeToldAnything = false
    }

    func disconnected() { isConnected = false }

    func connected(at position: Position, resumedFrom last: Position?) {
        isConnected = true
        newest = position
        if let last, last != position { complain("resumed from \(last) and is told that it stands at \(position)") }
        guard case .nowhere = place else { return }
        if position == .beginning {
            place = .beginning(from: beginning)
        } else if let index = witness.lastPlace(upTo: position, channel: channel) {
            place = .at(index)
        } else if witness.isPhantom(position, channel: channel) {
            // Of an epoch that only a master had that was none any more: what comes has another, which it is told.
            place = .beginning(from: beginning)
            mayBeToldAnything = true
        } else if !mayBeToldAnything {
            complain("starts at \(position), which nobody published")
        }
    }

    // MARK: Events

    func received(_ position: Position) {
        witness.delivered += 1
        guard let index = witness.place(of: position, channel: channel) else {
            guard witness.isPhantom(position, channel: channel) else {
                return complain("got \(position), which nobody published")
            }
            if let newest, newest.epoch == position.epoch, newest.offset >= position.offset {
                complain("got \(position) after \(newest)")
            }
            newest = position
            return
        }
        newest = position
        switch place {
        case .nowhere: return complain("got \(position) before it was connected")
        case .beginning(let from): skip(from..<max(from, index), sameEpochAs: position)
        case .at(let last):
            if let again = beginsAnewAfter, index > again, index <= last {
                beginsAnewAfter = index
                return
            }
            guard index > last else { return complain("got \(position) a second time, or out of order") }
            skip(last + 1..<index)
        }
        beginsAnewAfter = nil
        place = .at(index)
    }

    /// A gap: what lies up to `at` is told missing, from `from` on where it says so.
    func told(at position: Position, from: UInt64?, to: UInt64?) {
        witness.gaps += 1
        // Of what no replica had, and this viewer or another has seen, it may be told that it is there no more.
        let isOfNothing = [newest, position].contains { seen in
            seen.map { !witness.isAcknowledged($0, channel: channel) } ?? false
        }
        if witness.isLossless, !mayBeToldAnything, !(witness.isCluster && isOfNothing) {
            complain("is told a gap at \(position) though nothing is lost")
        }
        newest = position
        let isUnknown = from == nil
        if position == .beginning {
            place = .beginning(from: isUnknown ? beginning : witness.logs[channel].count)
            return
        }
        guard let end = witness.lastPlace(upTo: position, channel: channel) else {
            if witness.isPhantom(position, channel: channel) { return }
            return complain("is told a gap at \(position), which is no place")
        }
        switch place {
        case .nowhere: if !isConnected { complain("is told a gap before it was connected") }
        case .beginning(let first): skipUntold(first..<max(first, end + 1), from: from, at: position, to: to)
        case .at(let last):
            if end < last, !isUnknown, beginsAnewAfter == nil { complain("is sent back to \(position) by a gap") }
            skipUntold(last + 1..<max(last, end) + 1, from: from, at: position, to: to)
            if end < last {
                beginsAnewAfter = end
                return
            }
        }
        place = .at(end)
    }

    /// Of what a gap passes over, the part that it does not name. With `to` the range is one of the gap's own epoch;
    /// without, it begins in the viewer's epoch.
    private func skipUntold(_ range: Range<Int>, from: UInt64?, at position: Position, to: UInt64?) {
        guard let from else { return }
        let log = witness.logs[channel]
        let before = range.lowerBound > 0 ? log[range.lowerBound - 1].position.epoch : ""
        let epoch = to == nil ? before : position.epoch
        for index in range where log[index].position.epoch == epoch && log[index].position.offset < from {
            skip(index..<index + 1)
        }
    }

    private func skip(_ range: Range<Int>, sameEpochAs position: Position? = nil) {
        let log = witness.logs[channel]
        skipped += range.filter { position == nil || log[$0].position.epoch == position?.epoch }
        checkSkipped()
    }

    private func checkSkipped() {
        for index in skipped where witness.isOwed(index, channel: channel) {
            complain("never got \(witness.logs[channel][index].position), and was not told")
        }
        skipped.removeAll { witness.isOwed($0, channel: channel) }
    }

    // MARK: The end

    func settled(hasLostData: Bool) {
        checkSkipped()
        guard !hasLostData else { return }
        let log = witness.logs[channel]
        switch place {
        case .nowhere: complain("was never connected")
        case .beginning(let from):
            let owed = (from..<log.count).filter { log[$0].position.epoch == log.last?.position.epoch }
            complainOf(owed.filter { witness.isOwed($0, channel: channel) })
        case .at(let last):
            complainOf((last + 1..<max(last + 1, log.count)).filter { witness.isOwed($0, channel: channel) })
        }
    }

    private func complainOf(_ missing: [Int]) {
        guard !missing.isEmpty else { return }
        complain("still waits for \(missing.map { witness.logs[channel][$0].position.description })")
    }
}
