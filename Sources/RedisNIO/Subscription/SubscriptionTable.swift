/// Which channels are wanted, commanded and acknowledged. Pure: the caller sends what ``flush()`` returns and reports what
/// comes back.
///
/// A channel's changes within one turn become one: subscribe and unsubscribe of a zapping viewer cost no command.
struct SubscriptionTable {
    /// What one turn sends; lists of at most ``batchMax`` channels.
    struct Commands: Equatable {
        var subscribe: [[String]] = []
        var unsubscribe: [[String]] = []
        /// Subscribed and acknowledged long ago, and asked for again.
        var confirmed: [String] = []

        var isEmpty: Bool { subscribe.isEmpty && unsubscribe.isEmpty && confirmed.isEmpty }
    }

    private struct Entry {
        var isWanted = false
        /// What the last command on this connection asked for.
        var isCommanded = false
        /// Commands on this connection that Redis has not acknowledged. Only the last one's acknowledgement counts:
        /// after "subscribe, unsubscribe, subscribe" the first one is out of date.
        var unacknowledged = 0
        var isDirty = false
        var wantsConfirmation = false

        var isForgotten: Bool { !isWanted && !isCommanded && unacknowledged == 0 && !isDirty }
    }

    /// Channels per command: long enough that the command's own cost vanishes, short enough that Redis serves others
    /// in between.
    static let batchMax = 256

    private let limit: Int
    /// Whether a command may name channels of one slot only.
    private let isBySlot: Bool
    private var entries: [String: Entry] = [:]
    private var dirty: [String] = []
    private(set) var wantedCount = 0
    private(set) var isConnected = false

    /// - Parameter limit: the most channels wanted at once.
    init(limit: Int, isBySlot: Bool = false) {
        self.limit = limit
        self.isBySlot = isBySlot
    }

    var hasWork: Bool { isConnected && !dirty.isEmpty }

    /// `false`: the limit would be passed, and nothing was taken.
    mutating func subscribe(_ channels: [String]) -> Bool {
        guard wantedCount + channels.count <= limit || fits(channels) else { return false }
        for channel in channels {
            var entry = entries[channel] ?? Entry()
            if !entry.isWanted { wantedCount += 1 }
            entry.isWanted = true
            entry.wantsConfirmation = true
            markDirty(channel, &entry)
            entries[channel] = entry
        }
        return true
    }

    private func fits(_ channels: [String]) -> Bool {
        wantedCount + Set(channels).count { entries[$0]?.isWanted != true } <= limit
    }

    mutating func unsubscribe(_ channels: [String]) {
        for channel in channels {
            guard var entry = entries[channel], entry.isWanted else { continue }
            wantedCount -= 1
            entry.isWanted = false
            entry.wantsConfirmation = false
            markDirty(channel, &entry)
            entries[channel] = entry.isForgotten ? nil : entry
        }
    }

    private mutating func markDirty(_ channel: String, _ entry: inout Entry) {
        // Without a connection nothing can be sent; connecting makes everything wanted dirty.
        guard isConnected, !entry.isDirty else { return }
        entry.isDirty = true
        dirty.append(channel)
    }

    mutating func connected() {
        isConnected = true
        dirty = Array(entries.keys)
        for channel in dirty { entries[channel]?.isDirty = true }
    }

    /// Returns the channels that are wanted.
    mutating func disconnected() -> [String] {
        isConnected = false
        dirty = []
        entries = entries.compactMapValues { entry in
            entry.isWanted ? Entry(isWanted: true, wantsConfirmation: true) : nil
        }
        return Array(entries.keys)
    }

    /// The commands that bring Redis to what is wanted.
    mutating func flush() -> Commands {
        guard hasWork else { return Commands() }
        var subscribe: [String] = []
        var unsubscribe: [String] = []
        var confirmed: [String] = []
        for channel in dirty {
            guard var entry = entries[channel] else { continue }
            entry.isDirty = false
            if entry.isWanted != entry.isCommanded {
                entry.isCommanded = entry.isWanted
                entry.unacknowledged += 1
                if entry.isWanted { subscribe.append(channel) } else { unsubscribe.append(channel) }
            } else if entry.wantsConfirmation, entry.unacknowledged == 0 {
                entry.wantsConfirmation = false
                confirmed.append(channel)
            }
            entries[channel] = entry.isForgotten ? nil : entry
        }
        dirty.removeAll(keepingCapacity: true)
        return Commands(subscribe: batches(subscribe), unsubscribe: batches(unsubscribe), confirmed: confirmed)
    }

    /// Redis acknowledged commands for these channels, in this order. Returns those that are subscribed from here on.
    mutating func acknowledged(_ channels: [String]) -> [String] {
        channels.filter { channel in
            guard var entry = entries[channel], entry.unacknowledged > 0 else { return false }
            entry.unacknowledged -= 1
            let isSettled = entry.unacknowledged == 0 && entry.isCommanded && entry.isWanted
            if isSettled { entry.wantsConfirmation = false }
            entries[channel] = entry.isForgotten ? nil : entry
            return isSettled
        }
    }

    /// A command was refused; its channels are not subscribed, and stay so until ``retry(_:)``.
    mutating func refused(_ channels: [String]) {
        for channel in channels {
            guard var entry = entries[channel] else { continue }
            entry.unacknowledged = max(0, entry.unacknowledged - 1)
            if entry.unacknowledged == 0 { entry.isCommanded = false }
            entries[channel] = entry.isForgotten ? nil : entry
        }
    }

    /// Redis ended the subscriptions. Returns those that nothing was asked about since.
    mutating func dropped(_ channels: [String]) -> [String] {
        channels.filter { channel in
            guard let entry = entries[channel], entry.unacknowledged == 0, entry.isCommanded else { return false }
            entries[channel]?.isCommanded = false
            return true
        }
    }

    /// Asks again for what was refused or dropped.
    mutating func retry(_ channels: [String]) {
        for channel in channels {
            guard var entry = entries[channel], entry.isWanted, !entry.isCommanded else { continue }
            markDirty(channel, &entry)
            entries[channel] = entry
        }
    }

    private func batches(_ channels: [String]) -> [[String]] {
        guard isBySlot else { return Self.batches(channels) }
        return Dictionary(grouping: channels) { HashSlot(key: $0) }.values.flatMap { Self.batches($0) }
    }

    private static func batches(_ channels: [String]) -> [[String]] {
        stride(from: 0, to: channels.count, by: batchMax).map {
            Array(channels[$0..<min($0 + batchMax, channels.count)])
        }
    }
}
