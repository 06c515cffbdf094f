public import Wire

/// Whether every viewer received every event of its channel, once and in order.
///
/// One state machine a viewer. An offset that is owed to a viewer ends as one of: *delivered*, *told missing* (a `gap`
/// event named it), or *lost*. The rules:
///
/// - `connected` fixes where a viewer starts; a later one is a reconnection and changes nothing, because a viewer that
///   resumes is owed everything since its last event.
/// - The next offset is delivered. A higher one is delivered, and what was jumped over is missing. A missing one that
///   comes late is delivered and *reordered*. Any other offset that is not above the last one is *repeated*.
/// - A gap `from...to` (both included) is understood with the event after it. In the same epoch these offsets are
///   told missing, as far as they were owed; what lies between the last event and `from` is missing.
/// - A new epoch is legal as the first one of a channel, and after a gap: then the new epoch's offsets up to `to` are
///   told missing. Otherwise it is an *epoch break*: everything before its first event is missing, from offset 1.
///   Epochs are ordered by their first appearance; an event of an older one than the viewer's is reordered.
/// - At the end missing offsets, and those up to the last acknowledged one that never came, are lost.
///
/// A viewer that goes on at the next offset costs a compare and an add: 5 million events a second are meant to pass.
public struct DeliveryAudit: Sendable {
    /// Higher offsets are taken for this one: no channel gets there, and sums of them must not overflow.
    public static let offsetMax: UInt64 = 1 << 40

    /// An epoch of a channel; meaningless for another channel.
    public struct Epoch: Hashable, Sendable {
        let index: UInt16
        /// Before anybody wrote: the epoch of `0.0`.
        public static let beginning = Epoch(index: 0)
    }

    var viewers: [ViewerState]
    private var epochs: EpochTable
    private var missing = MissingOffsets()
    private var gaps: [Int: (from: UInt64, to: UInt64)] = [:]
    private var counts = DeliveryCounts()
    /// Missing offsets that can no longer come: those of an epoch that is over, and those that were not remembered.
    private var lostForGood = 0

    /// - Parameters:
    ///   - channelOfViewer: channel of each viewer, in `0..<channels`.
    ///   - channels: number of channels.
    public init(channelOfViewer: some Sequence<Int>, channels: Int) {
        viewers = channelOfViewer.map { ViewerState(channel: UInt32($0)) }
        epochs = EpochTable(channels: channels)
    }

    /// The epoch of a channel with this name, as an event id carries it. To be asked once a frame, not once a viewer.
    public mutating func epoch(_ name: UnsafeBufferPointer<UInt8>, channel: Int) -> Epoch {
        Epoch(index: epochs.index(of: name, channel: channel))
    }

    /// The same from a string.
    public mutating func epoch(_ name: String, channel: Int) -> Epoch {
        var name = name
        return name.withUTF8 { epoch($0, channel: channel) }
    }

    /// A `connected` event with the channel's position: the viewer joins, or has come back.
    public mutating func connected(viewer: Int, at offset: UInt64, epoch: Epoch) {
        guard !viewers[viewer].flags.contains(.joined) else {
            counts.reconnects += 1
            return
        }
        counts.joined += 1
        viewers[viewer].flags.insert(.joined)
        viewers[viewer].last = min(offset, DeliveryAudit.offsetMax)
        viewers[viewer].epoch = epoch.index
    }

    /// An event of the log.
    public mutating func received(viewer: Int, offset: UInt64, epoch: Epoch) {
        received(viewer: viewer, offsets: offset...offset, epoch: epoch)
    }

    /// Events of the log with all offsets of the range, one after the other.
    public mutating func received(viewer: Int, offsets: ClosedRange<UInt64>, epoch: Epoch) {
        let state = viewers[viewer]
        if state.epoch == epoch.index, state.last &+ 1 == offsets.lowerBound, !state.flags.contains(.gapPending),
            state.flags.contains(.joined), offsets.upperBound <= DeliveryAudit.offsetMax
        {
            viewers[viewer].last = offsets.upperBound
            counts.delivered += offsets.count
            return
        }
        receivedUnexpected(viewer: viewer, offsets: offsets.clamped(to: 0...DeliveryAudit.offsetMax), epoch: epoch)
    }

    /// A `gap` event: the offsets `from...to` could not be recovered. An empty range (`to` below `from`) announces a
    /// new epoch of which nothing is missing.
    public mutating func gap(viewer: Int, from: UInt64, to: UInt64) {
        counts.gaps += 1
        settleGap(viewer: viewer, epoch: viewers[viewer].epoch)
        gaps[viewer] = (max(1, min(from, DeliveryAudit.offsetMax)), min(to, DeliveryAudit.offsetMax))
        viewers[viewer].flags.insert(.gapPending)
    }

    private mutating func receivedUnexpected(viewer: Int, offsets: ClosedRange<UInt64>, epoch: Epoch) {
        if !viewers[viewer].flags.contains(.joined) {
            connected(viewer: viewer, at: max(1, offsets.lowerBound) - 1, epoch: epoch)
        }
        if epoch.index < viewers[viewer].epoch {
            counts.reordered += offsets.count
            return
        }
        settleGap(viewer: viewer, epoch: epoch.index)
        if epoch.index != viewers[viewer].epoch { enterUnannounced(epoch, viewer: viewer) }
        var next = offsets.lowerBound
        while next <= offsets.upperBound, next <= viewers[viewer].last {
            receivedLate(viewer: viewer, offset: next)
            next += 1
        }
        guard next <= offsets.upperBound else { return }
        skip(to: next, viewer: viewer)
        counts.delivered += Int(offsets.upperBound - next) + 1
        viewers[viewer].last = offsets.upperBound
    }

    private mutating func receivedLate(viewer: Int, offset: UInt64) {
        if viewers[viewer].flags.contains(.hasMissing), missing.remove(offset...offset, viewer: viewer) == 1 {
            counts.delivered += 1
            counts.reordered += 1
        } else {
            counts.repeated += 1
        }
    }

    /// What lies between the viewer's last offset and `offset` is missing.
    private mutating func skip(to offset: UInt64, viewer: Int) {
        let last = viewers[viewer].last
        guard offset > last + 1 else { return }
        if missing.add(last + 1...offset - 1, viewer: viewer) {
            viewers[viewer].flags.insert(.hasMissing)
        } else {
            lostForGood += Int(offset - last - 1)
        }
    }

    private mutating func enterUnannounced(_ epoch: Epoch, viewer: Int) {
        if viewers[viewer].epoch != Epoch.beginning.index { counts.epochBreaks += 1 }
        enter(epoch.index, at: 0, viewer: viewer)
    }

    private mutating func enter(_ epoch: UInt16, at offset: UInt64, viewer: Int) {
        lostForGood += missing.forget(viewer: viewer)
        viewers[viewer].flags.remove(.hasMissing)
        viewers[viewer].epoch = epoch
        viewers[viewer].last = offset
    }

    /// Applies a gap that waited for the epoch of the event after it.
    private mutating func settleGap(viewer: Int, epoch: UInt16) {
        guard viewers[viewer].flags.contains(.gapPending), let gap = gaps.removeValue(forKey: viewer) else { return }
        viewers[viewer].flags.remove(.gapPending)
        guard epoch == viewers[viewer].epoch else {
            counts.toldMissing += Int(gap.to)
            enter(epoch, at: gap.to, viewer: viewer)
            return
        }
        guard gap.from <= gap.to else { return }
        if viewers[viewer].flags.contains(.hasMissing) {
            counts.toldMissing += missing.remove(gap.from...gap.to, viewer: viewer)
        }
        skip(to: gap.from, viewer: viewer)
        let first = max(gap.from, viewers[viewer].last + 1)
        guard first <= gap.to else { return }
        counts.toldMissing += Int(gap.to - first) + 1
        viewers[viewer].last = gap.to
    }
}

extension DeliveryAudit {
    /// Counts so far; what is missing now counts as lost, although it may still come.
    public var counted: DeliveryCounts {
        var counted = counts
        counted.lost = lostForGood + missing.offsets
        counted.missingNotRemembered = missing.refused
        return counted
    }

    /// Joined viewers that have not reached the last acknowledged position of their channel.
    ///
    /// - Parameter acknowledged: last acknowledged position of each channel that was written to, by channel.
    public mutating func viewersShort(of acknowledged: [Int: Position]) -> Int {
        let goals = goals(acknowledged)
        return viewers.indices.reduce(0) { $0 + (owed(viewer: $1, goals: goals) > 0 ? 1 : 0) }
    }

    /// The end: what never came is lost. Events that come later are still counted; then ask again.
    public mutating func verdict(acknowledged: [Int: Position]) -> DeliveryCounts {
        let goals = goals(acknowledged)
        for (viewer, _) in gaps {
            // The event after the gap would have told the epoch; without one it is the one that was acknowledged last.
            let epoch = goals[Int(viewers[viewer].channel)]?.epoch ?? viewers[viewer].epoch
            settleGap(viewer: viewer, epoch: max(epoch, viewers[viewer].epoch))
        }
        var verdict = counted
        for viewer in viewers.indices {
            let owed = owed(viewer: viewer, goals: goals)
            verdict.lost += owed
            if owed > 0 { verdict.viewersShort += 1 }
        }
        verdict.expected = verdict.delivered + verdict.toldMissing + verdict.lost
        return verdict
    }

    private mutating func goals(_ acknowledged: [Int: Position]) -> [Int: (offset: UInt64, epoch: UInt16)] {
        var goals: [Int: (offset: UInt64, epoch: UInt16)] = [:]
        for (channel, position) in acknowledged {
            goals[channel] = (position.offset, epoch(position.epoch, channel: channel).index)
        }
        return goals
    }

    /// Offsets between the viewer's last one and the goal of its channel.
    private func owed(viewer: Int, goals: [Int: (offset: UInt64, epoch: UInt16)]) -> Int {
        let state = viewers[viewer]
        guard state.flags.contains(.joined), let goal = goals[Int(state.channel)], state.epoch <= goal.epoch else {
            return 0
        }
        let reached = state.epoch == goal.epoch ? state.last : 0
        return goal.offset > reached ? Int(goal.offset - reached) : 0
    }
}
