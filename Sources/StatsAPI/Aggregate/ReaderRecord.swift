internal import Wire

/// A Reader as its reports describe it: its last report, and the sets that the changes have led to.
struct ReaderRecord {
    private(set) var report: ReaderReport
    private(set) var lastReport: Duration
    private(set) var subscribed = ChannelSet()
    /// Viewers by channel id.
    private(set) var viewers: [Int32: Int] = [:]
    /// The sets are what the Reader has; otherwise a full report was asked for.
    private(set) var isInStep = false

    init(_ report: ReaderReport, at now: Duration, limits: AggregateLimits) {
        self.report = report.sane(limits)
        lastReport = now
    }

    /// Takes a report of the same Reader. Counts are always taken; changes only if they continue what is held.
    mutating func accept(
        _ next: ReaderReport, at now: Duration, channels: inout ChannelTable, limits: AggregateLimits,
        refusals: inout AggregateRefusals
    ) -> ReportAcknowledgement {
        let isFull = next.full || next.sequence == 0
        let continues = isInStep && next.session == report.session && next.sequence == report.sequence &+ 1
        report = next.sane(limits)
        lastReport = now
        guard isFull || continues else { return outOfStep(&refusals) }
        if isFull { releaseAll(&channels) }
        let refused = apply(next, channels: &channels)
        refusals.channels += refused
        // Channels that were refused here are no reason to ask again: the answer would be the same.
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
            if let id = channels.id(of: name), subscribed.remove(id) { channels.release(id) }
        }
        for name in next.subscribed {
            guard let id = channels.hold(name) else {
                refused += 1
                continue
            }
            if !subscribed.insert(id) { channels.release(id) }
        }
        for (name, count) in next.viewers { setViewers(count, name: name, channels: &channels) }
        return refused
    }

    private mutating func setViewers(_ count: Int, name: String, channels: inout ChannelTable) {
        if count <= 0 {
            if let id = channels.id(of: name), viewers.removeValue(forKey: id) != nil { channels.release(id) }
        } else if let id = channels.hold(name) {
            if viewers.updateValue(count.sane, forKey: id) != nil { channels.release(id) }
        }
    }

    /// Gives all channels back; the record is worthless afterwards unless a full report follows.
    mutating func releaseAll(_ channels: inout ChannelTable) {
        subscribed.prefix(.max).forEach { channels.release($0) }
        viewers.keys.forEach { channels.release($0) }
        subscribed = ChannelSet()
        viewers = [:]
    }
}
