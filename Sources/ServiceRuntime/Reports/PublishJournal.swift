import Wire

/// How much was published on each channel since the last report that was accepted, within a bounded table.
///
/// A pure machine. What a report under way carries stays aside until its fate is known. After a failure the counts go
/// back: a report that was applied without an answer is then counted twice, which for rates is better than a hole.
public struct PublishJournal: Sendable {
    public struct Counts: Equatable, Sendable {
        /// By channel name.
        public var byChannel: [String: Int] = [:]
        /// On channels that did not fit.
        public var elsewhere = 0
    }

    /// Channels that are told apart in one report.
    public let channelsMax: Int
    private var pending = Counts()
    private var underWay = Counts()

    public init(channelsMax: Int = 100_000) {
        self.channelsMax = channelsMax
    }

    /// One event was published on `channel`.
    public mutating func published(on channel: String) {
        pending.add(1, on: channel, channelsMax: channelsMax)
    }

    /// What the next report carries. ``accepted()`` or ``failed()`` must follow before the next call.
    public mutating func next() -> Counts {
        underWay = pending
        pending = Counts()
        return underWay
    }

    public mutating func accepted() {
        underWay = Counts()
    }

    public mutating func failed() {
        var counts = underWay
        counts.elsewhere += pending.elsewhere
        for (channel, count) in pending.byChannel { counts.add(count, on: channel, channelsMax: channelsMax) }
        pending = counts
        underWay = Counts()
    }
}

extension PublishJournal.Counts {
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
