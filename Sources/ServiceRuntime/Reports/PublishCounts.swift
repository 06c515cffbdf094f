import Wire

/// Events published on each channel since the last accepted report, in a bounded table. Pure.
///
/// The counts of a report in flight are kept separately until it is answered, and added again after a failure: a report
/// that was applied without an answer counts twice, which for rates is better than a hole.
public struct PublishCounts: Sendable {
    public struct Delta: Equatable, Sendable {
        /// By channel name.
        public var byChannel: [String: Int] = [:]
        /// On channels beyond the limit.
        public var elsewhere = 0
    }

    /// Channels with a count of their own in one report.
    public let channelsMax: Int
    private var pending = Delta()
    private var inFlight = Delta()

    public init(channelsMax: Int = 100_000) {
        self.channelsMax = channelsMax
    }

    /// One event was published on `channel`.
    public mutating func published(on channel: String) {
        pending.add(1, on: channel, channelsMax: channelsMax)
    }

    /// The content of the next report. ``accepted()`` or ``failed()`` must follow before the next call.
    public mutating func next() -> Delta {
        inFlight = pending
        pending = Delta()
        return inFlight
    }

    public mutating func accepted() {
        inFlight = Delta()
    }

    public mutating func failed() {
        var counts = inFlight
        counts.elsewhere += pending.elsewhere
        for (channel, count) in pending.byChannel { counts.add(count, on: channel, channelsMax: channelsMax) }
        pending = counts
        inFlight = Delta()
    }
}

extension PublishCounts.Delta {
    fileprivate mutating func add(_ count: Int, on channel: String, channelsMax: Int) {
        if byChannel.count < channelsMax {
            byChannel[channel, default: 0] += count
        } else if let known = byChannel[channel] {
            byChannel[channel] = known + count
        } else {
            elsewhere += count
        }
    }
}
