internal import BitCollections
internal import Wire

/// A Reader as it reports itself: the last report, and the sets that result from the changes.
struct ReaderRecord {
    private(set) var report: ReaderReport
    private(set) var lastReport: Duration
    /// Ids of the channels that it is subscribed to.
    private(set) var subscribed = BitSet()
    /// Viewers by channel id.
    private(set) var viewers: [Int: Int] = [:]
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
        for name in next.unsubscribed {
            if let id = channels.id(of: name), subscribed.remove(id) != nil { channels.release(id) }
        }
        for name in next.subscribed {
            guard let id = channels.hold(name) else {
                refused += 1
                continue
            }
            if !subscribed.insert(id).inserted { channels.release(id) }
        }
        for (name, count) in next.viewers { setViewers(count, name: name, channels: &channels) }
        return refused
    }

    private mutating func setViewers(_ count: Int, name: String, channels: inout ChannelTable) {
        if count <= 0 {
            if let id = channels.id(of: name), viewers.removeValue(forKey: id) != nil { channels.release(id) }
        } else if let id = channels.hold(name) {
            if viewers.updateValue(count.clamped, forKey: id) != nil { channels.release(id) }
        }
    }

    /// Releases all channels; a full report must follow, or the record must be dropped.
    mutating func releaseAll(_ channels: inout ChannelTable) {
        subscribed.forEach { channels.release($0) }
        viewers.keys.forEach { channels.release($0) }
        subscribed = BitSet()
        viewers = [:]
    }
}
