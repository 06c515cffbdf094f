/// One connection of a ``ShardSubscriber``.
struct ShardLink: Hashable, Sendable {
    let node: RedisAddress
    /// Set when the node is only taking this slot: then it subscribes behind `ASKING`, which a connection that has
    /// subscriptions may not send. So each open slot has a connection of its own.
    var openSlot: HashSlot?
}

/// Which channels are wanted, on which connections each has to be subscribed, and where it is. Pure.
///
/// A channel is whole while it is subscribed everywhere where it may be published. The old subscription stays until the
/// new one stands.
struct ShardTable {
    /// What has to be done, and said.
    struct Changes: Equatable {
        var subscribe: [ShardLink: [String]] = [:]
        var unsubscribe: [ShardLink: [String]] = [:]
        /// Nothing of them is missing from here on.
        var whole: [String] = []
        /// Something may be missing from here on.
        var lost: [String] = []
        var reason = RedisLoss.moved
        /// Connections without a channel.
        var idle: [ShardLink] = []
    }

    private struct Entry {
        let slot: HashSlot
        var places: [ShardLink] = []
        var acknowledged: [ShardLink] = []
        /// Whether it was said to be whole, and nothing happened since.
        var isWhole = false

        var isEverywhere: Bool { !places.isEmpty && places.allSatisfy(acknowledged.contains) }
        var links: [ShardLink] { places + acknowledged.filter { !places.contains($0) } }
    }

    private let limit: Int
    private var entries: [String: Entry] = [:]
    private var bySlot: [HashSlot: Set<String>] = [:]
    private var uses: [ShardLink: Int] = [:]
    private var changes = Changes()

    init(limit: Int) { self.limit = limit }

    var count: Int { entries.count }

    /// Everything since the last call.
    mutating func takeChanges() -> Changes {
        changes.idle = changes.idle.filter { uses[$0] == nil }
        defer { changes = Changes() }
        return changes
    }

    /// - Returns: `false` when the limit would be passed, and nothing was taken.
    mutating func subscribe(_ channels: [String], _ places: (HashSlot) -> [ShardLink]) -> Bool {
        guard entries.count + channels.count <= limit || fits(channels) else { return false }
        for channel in channels {
            // What is subscribed already is confirmed by its connection.
            if let known = entries[channel] {
                for link in known.places { changes.subscribe[link, default: []].append(channel) }
                continue
            }
            let slot = HashSlot(key: channel)
            entries[channel] = Entry(slot: slot)
            bySlot[slot, default: []].insert(channel)
            move(channel, to: places(slot))
        }
        return true
    }

    private func fits(_ channels: [String]) -> Bool {
        entries.count + Set(channels).count { entries[$0] == nil } <= limit
    }

    mutating func unsubscribe(_ channels: [String]) {
        for channel in channels {
            guard let entry = entries.removeValue(forKey: channel) else { continue }
            bySlot[entry.slot]?.remove(channel)
            if bySlot[entry.slot]?.isEmpty == true { bySlot[entry.slot] = nil }
            for link in entry.links { changes.unsubscribe[link, default: []].append(channel) }
            count(entry.links, [])
        }
    }

    /// The slots have other places now.
    mutating func moved(_ slots: [ClosedRange<Int>], _ places: (HashSlot) -> [ShardLink]) {
        for (slot, channels) in bySlot where slots.contains(where: { $0.contains(slot.number) }) {
            let places = places(slot)
            for channel in channels { move(channel, to: places) }
        }
    }

    private mutating func move(_ channel: String, to places: [ShardLink]) {
        change(channel) { entry, changes in
            for link in places where !entry.places.contains(link) {
                changes.subscribe[link, default: []].append(channel)
            }
            // A place that is none any more, and never answered, is not waited for.
            for link in entry.places where !places.contains(link) && !entry.acknowledged.contains(link) {
                changes.unsubscribe[link, default: []].append(channel)
            }
            let isSame = entry.places == places
            entry.places = places
            // Another map: what was published between its making and its reading may be missing.
            if !isSame, entry.isEverywhere { Self.becomeWhole(channel, &entry, &changes) }
        }
    }

    /// A connection's node has acknowledged the channels.
    mutating func subscribed(_ channels: [String], on link: ShardLink) {
        for channel in channels {
            change(channel) { entry, changes in
                if !entry.acknowledged.contains(link) { entry.acknowledged.append(link) }
                if entry.isEverywhere { Self.becomeWhole(channel, &entry, &changes) }
            }
        }
    }

    private static func becomeWhole(_ channel: String, _ entry: inout Entry, _ changes: inout Changes) {
        entry.isWhole = true
        changes.whole.append(channel)
        for link in entry.acknowledged where !entry.places.contains(link) {
            changes.unsubscribe[link, default: []].append(channel)
        }
        entry.acknowledged = entry.places
    }

    /// The channels are no longer subscribed on a connection: it ended, or its node has lost their slot.
    mutating func lost(_ channels: [String], on link: ShardLink, _ reason: RedisLoss) {
        changes.reason = reason
        for channel in channels {
            change(channel) { entry, changes in entry.acknowledged.removeAll { $0 == link } }
        }
    }

    /// Those of the channels that should be on this connection and are not.
    func missing(_ channels: [String], on link: ShardLink) -> [String] {
        channels.filter { channel in
            guard let entry = entries[channel] else { return false }
            return entry.places.contains(link) && !entry.acknowledged.contains(link)
        }
    }

    func isUsed(_ link: ShardLink) -> Bool { uses[link] != nil }

    func places(of channel: String) -> [ShardLink] { entries[channel]?.places ?? [] }

    private mutating func change(_ channel: String, _ body: (inout Entry, inout Changes) -> Void) {
        guard var entry = entries[channel] else { return }
        let before = entry.links
        body(&entry, &changes)
        if entry.isWhole, !entry.isEverywhere {
            entry.isWhole = false
            changes.lost.append(channel)
        }
        entries[channel] = entry
        if before != entry.links { count(before, entry.links) }
    }

    private mutating func count(_ before: [ShardLink], _ after: [ShardLink]) {
        for link in after { uses[link, default: 0] += 1 }
        for link in before {
            uses[link, default: 0] -= 1
            guard uses[link] == 0 else { continue }
            uses[link] = nil
            changes.idle.append(link)
        }
    }
}
