/// Whether every viewer received every event of its channel, once and in order.
///
/// One state machine a viewer. An offset that is owed to a viewer ends as one of: *delivered*, *told missing* (a `gap`
/// event named it), or *lost*; how many were owed is counted apart, from the acknowledgements. The rules:
///
/// - `connected` fixes where a viewer starts; a later one is a reconnection and changes nothing, because a viewer that
///   resumes is owed everything since its last event.
/// - The next offset is delivered. A higher one is delivered, and what was jumped over is missing. A missing one that
///   comes late is delivered and *reordered*. Any other offset that is not above the last one is *repeated*.
/// - A gap says at which position the stream goes on. What was owed up to there is told missing; if it also says from
///   which offset, what lies between the viewer's last one and that is missing without a word.
/// - A new epoch is legal as the first one of a channel, and by a gap. Otherwise it is an *epoch break*: everything
///   before its first event is missing, from offset 1. Epochs are ordered by their first appearance; an event of an
///   older one than the viewer's is reordered.
/// - A viewer that leaves is owed what was sent a while before that (`graceMicroseconds` of the verdict): what came
///   later may have been on its way. Its place is free then for another one, who joins where its own `connected` says.
/// - A comment that was sent after a viewer's `connected` came stands behind the position that it named; where it does
///   not, the viewer was led past it, and it is lost.
/// - A publisher that finds Redis restarted or failed over leaves a multiple of `restartStep` offsets out, so that none is
///   used twice. Of a jump only what it has beyond whole steps is missing.
/// - At the end missing offsets, and those up to the last acknowledged one that never came, are lost.
///
/// Not covered: comments that a moderator removed leave holes in a history that is read again, which would count as
/// lost here; swarms remove nothing.
///
/// A viewer that goes on at the next offset costs a compare and an add: 5 million events a second are meant to pass.
public struct DeliveryAudit: Sendable {
    /// Higher offsets are taken for this one: no channel gets there, and sums of them must not overflow.
    public static let offsetMax: UInt64 = 1 << 50

    /// An epoch of a channel; meaningless for another channel.
    public struct Epoch: Hashable, Sendable {
        let index: UInt16
        /// Before anybody wrote: the epoch of `0.0`.
        public static let beginning = Epoch(index: 0)
    }

    var viewers: [ViewerState]
    var joins: [ViewerJoin]
    var epochs: EpochTable
    var missing = MissingOffsets()
    var departures = EpochDepartures()
    private let restartStep: UInt64
    var counts = DeliveryCounts()
    /// Viewers that left, as they were then, and when (µs since 1970). Bounded: see ``departedMax``.
    var departed: [(state: ViewerState, join: ViewerJoin, microseconds: Int64)] = []
    /// More of them are not audited to the end, and counted.
    public static let departedMax = 1_000_000
    /// Missing offsets that can no longer come: those of an epoch that is over, and those that were not remembered.
    var lostForGood = 0

    /// - Parameters:
    ///   - channelOfViewer: channel of each viewer, in `0..<channels`.
    ///   - channels: number of channels.
    ///   - restartStep: a publisher leaves out a multiple of it after a restart of Redis; far above the events of a run.
    public init(channelOfViewer: some Sequence<Int>, channels: Int, restartStep: UInt64 = 1_000_000) {
        self.restartStep = max(restartStep, 2)
        viewers = channelOfViewer.map { ViewerState(channel: UInt32($0)) }
        joins = Array(repeating: ViewerJoin(), count: viewers.count)
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

    /// One more channel; its number.
    public mutating func addChannel() -> Int { epochs.add() }

    /// The viewer goes for good; another one takes its number, on this channel or on another.
    ///
    /// - Parameter microseconds: when, since 1970.
    public mutating func left(viewer: Int, microseconds: Int64, to channel: Int) {
        if viewers[viewer].flags.contains(.joined) {
            counts.departed += 1
            lostForGood += missing.forget(viewer: viewer)
            if departed.count < DeliveryAudit.departedMax {
                departed.append((viewers[viewer], joins[viewer], microseconds))
            } else {
                counts.missingNotRemembered += 1
            }
        }
        viewers[viewer] = ViewerState(channel: UInt32(channel))
    }

    /// A `connected` event with the channel's position: the viewer joins, or has come back.
    ///
    /// - Parameter microseconds: now, since 1970; `.max` where comments are not known by the time of sending.
    public mutating func connected(viewer: Int, at offset: UInt64, epoch: Epoch, microseconds: Int64 = .max) {
        guard !viewers[viewer].flags.contains(.joined) else {
            counts.reconnects += 1
            return
        }
        counts.joined += 1
        joins[viewer] = ViewerJoin(offset: offset, microseconds: microseconds, epoch: epoch.index)
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
        if state.epoch == epoch.index, state.last &+ 1 == offsets.lowerBound, state.flags.contains(.joined),
            offsets.upperBound <= DeliveryAudit.offsetMax
        {
            viewers[viewer].last = offsets.upperBound
            counts.delivered += offsets.count
            return
        }
        receivedUnexpected(viewer: viewer, offsets: offsets.clamped(to: 0...DeliveryAudit.offsetMax), epoch: epoch)
    }

    /// A `gap` event.
    ///
    /// - Parameters:
    ///   - offset: the event's own position: the stream goes on after it.
    ///   - from: the first offset that could not be recovered, where the event says so.
    public mutating func gap(viewer: Int, at offset: UInt64, epoch: Epoch, from: UInt64? = nil) {
        counts.gaps += 1
        let offset = min(offset, DeliveryAudit.offsetMax)
        if !viewers[viewer].flags.contains(.joined) { connected(viewer: viewer, at: offset, epoch: epoch) }
        if epoch.index > viewers[viewer].epoch {
            counts.toldMissing += events(after: 0, through: offset)
            // Without a first offset it names all that the viewer does not have.
            enter(epoch.index, at: offset, viewer: viewer, toldFrom: from ?? viewers[viewer].last + 1)
        } else if epoch.index == viewers[viewer].epoch {
            if let from { tell(from: max(from, 1), through: offset, viewer: viewer) }
            counts.toldMissing += events(after: viewers[viewer].last, through: offset)
            viewers[viewer].last = max(viewers[viewer].last, offset)
        }
    }

    /// The part of a gap that begins at a stated offset: missing ones that it names, and those that it leaves out.
    private mutating func tell(from: UInt64, through: UInt64, viewer: Int) {
        guard from <= through else { return }
        if viewers[viewer].flags.contains(.hasMissing) {
            counts.toldMissing += missing.remove(from...through, viewer: viewer)
        }
        guard from > viewers[viewer].last + 1 else { return }
        skip(to: from, viewer: viewer)
        viewers[viewer].last = from - 1
    }

    private mutating func receivedUnexpected(viewer: Int, offsets: ClosedRange<UInt64>, epoch: Epoch) {
        if !viewers[viewer].flags.contains(.joined) {
            connected(viewer: viewer, at: max(1, offsets.lowerBound) - 1, epoch: epoch)
        }
        if epoch.index < viewers[viewer].epoch {
            counts.reordered += offsets.count
            return
        }
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
        let skipped = events(after: last, through: offset) - 1
        guard skipped > 0 else { return }
        // After a restart the offsets that exist are those before the steps.
        if missing.add(last + 1...last + UInt64(skipped), viewer: viewer) {
            viewers[viewer].flags.insert(.hasMissing)
        } else {
            lostForGood += skipped
        }
    }

    /// Events in `last + 1...offset`, without what restarts left out; at least 1 unless the range is empty.
    ///
    /// A viewer may have seen events that Redis then lost: its jump is a little shorter than whole steps.
    func events(after last: UInt64, through offset: UInt64) -> Int {
        guard offset > last else { return 0 }
        let jump = offset - last
        let leftOut = (jump + restartStep / 2) / restartStep * restartStep
        return jump > leftOut ? Int(jump - leftOut) : 1
    }

    private mutating func enterUnannounced(_ epoch: Epoch, viewer: Int) {
        if viewers[viewer].epoch != Epoch.beginning.index { counts.epochBreaks += 1 }
        enter(epoch.index, at: 0, viewer: viewer)
    }

    private mutating func enter(_ epoch: UInt16, at offset: UInt64, viewer: Int, toldFrom: UInt64? = nil) {
        let state = viewers[viewer]
        if state.epoch != Epoch.beginning.index {
            departures.add(
                .init(
                    channel: Int(state.channel), epoch: state.epoch, last: state.last,
                    toldFrom: toldFrom.map { max($0, state.last + 1) }))
        }
        lostForGood += missing.forget(viewer: viewer)
        viewers[viewer].flags.remove(.hasMissing)
        viewers[viewer].epoch = epoch
        viewers[viewer].last = offset
    }
}
