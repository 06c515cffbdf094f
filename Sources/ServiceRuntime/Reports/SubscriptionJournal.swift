import Wire

/// What a Reader tells StatsAPI of its subscriptions: the changes since the last report that was accepted.
///
/// A pure machine. The caller applies each change as it happens, asks for the ``next()`` report, and says how it went.
/// A report whose fate is unknown may have been applied or not, so the one after it carries the whole set; the same after
/// `resync`. Sequence numbers rise by one with every report that is made, sent or not, so that a report which comes late
/// can be told from the newest one.
///
/// Memory: the set itself, and one entry for each channel touched since the last accepted report; when that grows beyond
/// twice the set (zapping while StatsAPI is away) the entries are dropped and the next report is full.
public struct SubscriptionJournal: Sendable {
    /// The part of a ``Wire/ReaderReport`` that the journal knows.
    public struct Changes: Equatable, Sendable {
        public var sequence: Int
        public var full: Bool
        /// Sorted.
        public var subscribed: [String]
        /// Sorted.
        public var unsubscribed: [String]
        /// The size of the set.
        public var subscriptions: Int
        public var viewers: [String: Int]
    }

    /// Touched channels that are remembered in any case, however small the set is.
    static let touchedFloor = 1_024

    /// The set: viewers of each channel that is subscribed.
    private var channels: [String: Int] = [:]
    /// What StatsAPI has of each channel touched since the report before: `nil` for a channel that it does not have.
    private var touched: [String: Int?] = [:]
    private var sequence = 0
    private var needsFull = true
    /// More was touched while a report was under way than is remembered.
    private var overflowed = false

    public init() {}

    /// Channels in the set.
    public var count: Int { channels.count }

    /// A channel joined the set. A channel that is in it already stays as it is.
    public mutating func subscribed(_ channel: String) {
        guard channels[channel] == nil else { return }
        touch(channel)
        channels[channel] = 0
    }

    /// A channel left the set.
    public mutating func unsubscribed(_ channel: String) {
        guard channels[channel] != nil else { return }
        touch(channel)
        channels[channel] = nil
    }

    /// The number of viewers of a channel of the set; of any other channel it is not kept.
    public mutating func viewers(_ count: Int, of channel: String) {
        guard let known = channels[channel], known != count else { return }
        touch(channel)
        channels[channel] = count
    }

    /// The next report. Exactly one of ``accepted(resync:)`` and ``failed()`` must follow before the next call.
    public mutating func next() -> Changes {
        defer {
            sequence += 1
            touched.removeAll(keepingCapacity: touched.count <= Self.touchedFloor)
            // Until the answer is known; `accepted` takes it back.
            needsFull = true
            overflowed = false
        }
        guard !needsFull else {
            return Changes(
                sequence: sequence, full: true, subscribed: channels.keys.sorted(), unsubscribed: [],
                subscriptions: channels.count,
                viewers: channels)
        }
        return changes()
    }

    /// StatsAPI took the report; with `resync` it could not use it and wants the whole set.
    public mutating func accepted(resync: Bool) {
        needsFull = resync || overflowed
    }

    /// No answer, or one that says nothing: StatsAPI may have taken the report or not.
    public mutating func failed() {
        needsFull = true
    }

    private mutating func touch(_ channel: String) {
        guard touched[channel] == nil else { return }
        guard touched.count < max(Self.touchedFloor, 2 * channels.count) else {
            touched.removeAll()
            needsFull = true
            overflowed = true
            return
        }
        touched[channel] = .some(channels[channel])
    }

    private func changes() -> Changes {
        var changes = Changes(
            sequence: sequence, full: false, subscribed: [], unsubscribed: [], subscriptions: channels.count,
            viewers: [:])
        for (channel, before) in touched {
            switch (before, channels[channel]) {
            case (nil, let viewers?):
                changes.subscribed.append(channel)
                changes.viewers[channel] = viewers
            case (_?, nil):
                changes.unsubscribed.append(channel)
            case (let before?, let viewers?) where before != viewers:
                changes.viewers[channel] = viewers
            default:
                break
            }
        }
        changes.subscribed.sort()
        changes.unsubscribed.sort()
        return changes
    }
}
