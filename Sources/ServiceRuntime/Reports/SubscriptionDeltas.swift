import Wire

/// The subscriptions that a Reader reports to StatsAPI: the changes since the last accepted report. Pure.
///
/// The caller applies each change, asks for the ``next()`` report, and says whether it arrived. A report without an answer
/// may have been applied or not, so that the one after it carries the whole set; the same after `resync`. Sequence numbers
/// rise with every report that is made, sent or not, so that a late report is not taken for the newest.
///
/// Memory: the set, and an entry for each channel that changed since the last accepted report; beyond twice the set
/// (zapping while StatsAPI is away) the entries are dropped and the next report is full.
public struct SubscriptionDeltas: Sendable {
    /// The part of a ``Wire/ReaderReport`` about subscriptions.
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

    /// Changes that are kept however small the set is.
    static let changedMin = 1_024

    /// The set: viewers of each channel that is subscribed.
    private var channels: [String: Int] = [:]
    /// What StatsAPI has of each channel that changed since the last report: `nil` for a channel that it does not have.
    private var changed: [String: Int?] = [:]
    private var sequence = 0
    private var needsFull = true
    /// More changed while a report was in flight than is kept.
    private var overflowed = false

    public init() {}

    /// Channels in the set.
    public var count: Int { channels.count }

    /// A channel joined the set. A channel that is in it already stays as it is.
    public mutating func subscribed(_ channel: String) {
        guard channels[channel] == nil else { return }
        change(channel)
        channels[channel] = 0
    }

    /// A channel left the set.
    public mutating func unsubscribed(_ channel: String) {
        guard channels[channel] != nil else { return }
        change(channel)
        channels[channel] = nil
    }

    /// The number of viewers of a channel of the set; of any other channel it is not kept.
    public mutating func viewers(_ count: Int, of channel: String) {
        guard let known = channels[channel], known != count else { return }
        change(channel)
        channels[channel] = count
    }

    /// The next report. Exactly one of ``accepted(resync:)`` and ``failed()`` must follow before the next call.
    public mutating func next() -> Changes {
        defer {
            sequence += 1
            changed.removeAll(keepingCapacity: changed.count <= Self.changedMin)
            // Until the answer is known; `accepted` takes it back.
            needsFull = true
            overflowed = false
        }
        guard !needsFull else {
            return Changes(
                sequence: sequence, full: true, subscribed: channels.keys.sorted(), unsubscribed: [],
                subscriptions: channels.count, viewers: channels)
        }
        return changes()
    }

    /// StatsAPI has the report; with `resync` it could not apply it and asks for the whole set.
    public mutating func accepted(resync: Bool) {
        needsFull = resync || overflowed
    }

    /// No answer, or an unusable one: StatsAPI may have applied the report or not.
    public mutating func failed() {
        needsFull = true
    }

    private mutating func change(_ channel: String) {
        guard changed[channel] == nil else { return }
        guard changed.count < max(Self.changedMin, 2 * channels.count) else {
            changed.removeAll()
            needsFull = true
            overflowed = true
            return
        }
        changed[channel] = .some(channels[channel])
    }

    private func changes() -> Changes {
        var changes = Changes(
            sequence: sequence, full: false, subscribed: [], unsubscribed: [], subscriptions: channels.count,
            viewers: [:])
        for (channel, before) in changed {
            switch (before, channels[channel]) {
            case (nil, let viewers?):
                changes.subscribed.append(channel)
                changes.viewers[channel] = viewers
            case (_?, nil): changes.unsubscribed.append(channel)
            case (let before?, let viewers?) where before != viewers: changes.viewers[channel] = viewers
            default: break
            }
        }
        changes.subscribed.sort()
        changes.unsubscribed.sort()
        return changes
    }
}
