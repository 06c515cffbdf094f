internal import BitCollections
internal import Wire

/// A Reader as it reports itself: the last report, and the sets that result from the changes.
struct ReaderRecord {
    private(set) var report: ReaderReport
    private(set) var lastReport: Duration
    /// Ids of the channels that it is subscribed to.
    private(set) var subscribed = BitSet()
    /// Changes with the set of subscriptions.
    private(set) var revision = 0
    /// Viewers by channel id; 32 bits each, since 14 Readers with 90,000 channels have more than a million of them.
    private var viewers: [UInt32: UInt32] = [:]
    /// Whether the sets are those of the Reader; if not, a full report was asked for.
    private(set) var isInStep = false

    init(_ report: ReaderReport, at now: Duration, limits: AggregateLimits) {
        self.report = report.clamped(limits)
        lastReport = now
    }

    /// Applies a report of the same Reader: counts always, changes only if they continue the last report.
    mutating func accept(
        _ next: ReaderReport, at now: Duration, channels: inout ChannelTable, limits: AggregateLimits,
        refusals: inout AggregateRefusals
    ) -> ReportAcknowledgement {
        let isFull = next.full || next.sequence == 0
        let continues = isInStep && next.session == report.session && next.sequence == report.sequence &+ 1
        report = next.clamped(limits)
        lastReport = now
        guard isFull || continues else { return outOfStep(&refusals) }
        if isFull { releaseAll(&channels) }
        let refused = apply(next, channels: &channels)
        refusals.channels += refused
        // Channels that were refused are no reason for another full report: it would be refused again.
        guard subscribed.count + refused >= next.subscriptions, subscribed.count <= next.subscriptions else {
            return outOfStep(&refusals)
        }
        isInStep = true
        return ReportAcknowledgement()
    }

    private mutating func outOfStep(_ refusals: inout AggregateRefusals) -> ReportAcknowledgement {
        isInStep = false
        refusals.resyncs += 1
        return ReportAcknowledgement(resync: true)
    }

    /// How many channels of the report were refused.
    private mutating func apply(_ next: ReaderReport, channels: inout ChannelTable) -> Int {
        var refused = 0
        revision += 1
        for name in next.unsubscribed {
            if let id = channels.id(of: name), subscribed.remove(id) != nil { release(id, &channels) }
        }
        for name in next.subscribed {
            guard let id = channels.hold(name) else {
                refused += 1
                continue
            }
            if subscribed.insert(id).inserted { channels.countReaders(1, of: id) } else { channels.release(id) }
        }
        for (name, count) in next.viewers { setViewers(count, name: name, channels: &channels) }
        return refused
    }

    private mutating func setViewers(_ count: Int, name: String, channels: inout ChannelTable) {
        guard let id = count > 0 ? channels.hold(name) : channels.id(of: name) else { return }
        let before = viewers[UInt32(id)]
        viewers[UInt32(id)] = count > 0 ? UInt32(clamping: count) : nil
        channels.countViewers(Int(UInt32(clamping: count)) - Int(before ?? 0), of: id)
        // The new entry holds the channel, or the old one did.
        if before != nil { channels.release(id) }
    }

    /// How many viewers of a channel this Reader has.
    func viewers(of id: Int) -> Int { Int(viewers[UInt32(id)] ?? 0) }

    private func release(_ id: Int, _ channels: inout ChannelTable) {
        channels.countReaders(-1, of: id)
        channels.release(id)
    }

    /// Releases all channels; a full report must follow, or the record must be dropped.
    mutating func releaseAll(_ channels: inout ChannelTable) {
        subscribed.forEach { release($0, &channels) }
        for (id, count) in viewers {
            channels.countViewers(-Int(count), of: Int(id))
            channels.release(Int(id))
        }
        subscribed = BitSet()
        viewers = [:]
    }
}
