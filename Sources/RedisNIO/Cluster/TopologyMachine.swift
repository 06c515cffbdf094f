/// Which node has which slot, learned from what nodes say, and from what happens to commands. Pure: whoever owns it asks
/// the nodes that it wants asked, and opens and closes what it says.
///
/// The map is made anew from the newest view of each node: of all who claim a slot, the one with the highest epoch has it. So
/// it does not matter in which order views come, an old master that comes back does not get its slots back, and a cluster
/// that was made anew is believed as soon as no view of the old one is left.
struct TopologyMachine {
    typealias Time = ContinuousClock.Instant

    enum Input: Hashable {
        /// What a node said.
        case view(ClusterView, of: RedisAddress)
        /// A node was asked and did not answer in time, or cannot be reached.
        case unanswered(RedisAddress)
        case redirected(ClusterRedirection)
        /// A `sunsubscribe` that nobody asked for: the node has lost the slot.
        case unsubscribed(HashSlot)
        /// Something else than a command went wrong with the node.
        case suspected(RedisAddress)
        case linkUp(RedisAddress)
        case linkDown(RedisAddress)
    }

    enum Action: Equatable {
        /// Ask these for their view.
        case ask([RedisAddress])
        case open(RedisAddress)
        case close(RedisAddress)
        /// The slots whose ``places(of:)`` are others now, ascending.
        case changed([ClosedRange<Int>])
        case health(ClusterHealth)
    }

    struct Settings {
        /// Nodes are asked so often when nothing happens. A failover known only from an event that was missed is no failover,
        /// and of a slot that is opened subscribers hear nothing at all: what goes out at its target meanwhile is missed so
        /// long.
        var pollInterval: Duration = .seconds(1)
        /// And so often while something is wrong.
        var troubledInterval: Duration = .milliseconds(250)
        /// At least so much time lies between two rounds, however many commands are redirected.
        var askInterval: Duration = .milliseconds(100)
        /// What a redirection said counts so long against views that say otherwise.
        var redirectionAge: Duration = .seconds(2)
    }

    private struct Hint {
        let owner: RedisAddress
        /// The epoch of the owner against which it was said; a higher one counts more.
        let epoch: UInt64
        let until: Time
    }

    /// Neighbouring slots with one owner.
    private struct Segment {
        var slots: ClosedRange<Int>
        var claim: Claim
    }

    private struct Claim: Equatable {
        var owner: RedisAddress
        var epoch: UInt64
        var isOwn: Bool

        /// Of equal epochs what a node says of itself counts, then the address, so that the order of views does not.
        func isBetter(than other: Claim) -> Bool {
            if epoch != other.epoch { return epoch > other.epoch }
            if isOwn != other.isOwn { return isOwn }
            return owner < other.owner
        }
    }

    private let seeds: [RedisAddress]
    /// A Sentinel is asked for the master; of a cluster each master is.
    private let asksSeedsOnly: Bool
    private let settings: Settings
    private var views: [RedisAddress: (view: ClusterView, at: Time)] = [:]
    /// Ascending; slots that nobody has are in none.
    private var map: [Segment] = []
    private var hints: [HashSlot: Hint] = [:]
    /// The node that takes each open slot.
    private var targets: [HashSlot: RedisAddress] = [:]
    private var aliases: [RedisAddress: RedisAddress] = [:]
    private var failing: Set<RedisAddress> = []
    private var links: Set<RedisAddress> = []
    private var linksDown: Set<RedisAddress> = []
    private var lastAsked: Time?
    private var nextAsk: Time?
    private var health = ClusterHealth()

    init(seeds: [RedisAddress], asksSeedsOnly: Bool = false, settings: Settings = Settings()) {
        self.seeds = seeds
        self.asksSeedsOnly = asksSeedsOnly
        self.settings = settings
    }

    /// Who has the slot; `nil`: nobody, as far as is known.
    func owner(of slot: HashSlot) -> RedisAddress? { hints[slot]?.owner ?? claim(on: slot.number)?.owner }

    private func claim(on slot: Int) -> Claim? {
        var (low, high) = (0, map.count)
        while low < high {
            let middle = (low + high) / 2
            if map[middle].slots.upperBound < slot { low = middle + 1 } else { high = middle }
        }
        return low < map.count && map[low].slots.contains(slot) ? map[low].claim : nil
    }

    /// Where a message of the slot may be published: its owner, and who is taking it.
    func places(of slot: HashSlot) -> [RedisAddress] {
        guard let owner = owner(of: slot) else { return [] }
        guard let target = targets[slot], target != owner else { return [owner] }
        return [owner, target]
    }

    /// Every node that has slots.
    var masters: [RedisAddress] {
        Set(hints.values.map(\.owner) + map.map(\.claim.owner)).sorted()
    }

    /// A channel for each master, whose slot is one of its: `<name>:<number>`.
    func channels(onEachMaster name: String) -> [String] {
        var missing = Set(masters)
        var channels: [String] = []
        var number = 0
        // A master with a single slot is found after some ten thousand names; one with none is no master.
        while !missing.isEmpty, number < 1 << 17 {
            let channel = "\(name):\(number)"
            if let owner = owner(of: HashSlot(key: channel)), missing.remove(owner) != nil { channels.append(channel) }
            number += 1
        }
        return channels
    }

    // MARK: Input

    mutating func handle(_ input: Input, now: Time) -> [Action] {
        switch input {
        case .view(let view, let node):
            let isKnown = views[node]?.view == view
            views[node] = (view, now)
            // Of nodes that are asked no more, what they said once is no reason to distrust the others.
            let old = now - settings.pollInterval * 3
            let count = views.count
            views = views.filter { $0.value.at > old }
            return isKnown && views.count == count && hints.isEmpty ? [] : derived(now)
        case .unanswered(let node):
            // Its last view counts until somebody else has said something newer.
            let isOld = views[node].map { own in views.contains { $0.key != node && $0.value.at > own.at } } ?? false
            if isOld { views[node] = nil }
            soon(settings.troubledInterval, now)
            return isOld ? derived(now) : []
        case .redirected(let redirection): return redirected(redirection, now)
        case .unsubscribed, .suspected:
            soon(.zero, now)
            return due(now)
        case .linkUp(let node):
            guard linksDown.remove(node) != nil else { return [] }
            return checkHealth()
        case .linkDown(let node):
            guard links.contains(node), linksDown.insert(node).inserted else { return [] }
            soon(.zero, now)
            return checkHealth() + due(now)
        }
    }

    mutating func tick(now: Time) -> [Action] {
        let old = hints.filter { $0.value.until <= now }.map(\.key)
        guard !old.isEmpty else { return due(now) }
        let before = self
        for slot in old { hints[slot] = nil }
        return changed(since: before) + due(now)
    }

    private mutating func redirected(_ redirection: ClusterRedirection, _ now: Time) -> [Action] {
        let slot = redirection.slot
        let before = self
        let claim = claim(on: slot.number)
        let address = aliases[redirection.address] ?? redirection.address
        switch redirection.kind {
        case .moved:
            hints[slot] =
                claim?.owner == address
                ? nil : Hint(owner: address, epoch: claim?.epoch ?? 0, until: now + settings.redirectionAge)
        case .ask: targets[slot] = address
        }
        soon(.zero, now)
        return changed(since: before) + due(now)
    }

    // MARK: Views

    /// Makes the map from all views.
    private mutating func derived(_ now: Time) -> [Action] {
        let before = self
        aliases = [:]
        failing = []
        var claims: [(slots: ClosedRange<Int>, claim: Claim)] = []
        for (_, seen) in views.sorted(by: { $0.key < $1.key }) {
            for node in seen.view.nodes {
                guard let address = node.address else { continue }
                for alias in node.aliases { aliases[RedisAddress(host: alias, port: address.port)] = address }
                guard node.isMaster else { continue }
                if node.isFailing { failing.insert(address) }
                let claim = Claim(owner: address, epoch: node.epoch, isOwn: node.isMyself)
                claims += node.slots.map { ($0, claim) }
            }
        }
        map = Self.map(of: claims)
        targets = openSlots()
        hints = hints.filter { slot, hint in
            guard let claim = claim(on: slot.number) else { return hint.until > now }
            return claim.owner != hint.owner && claim.epoch <= hint.epoch && hint.until > now
        }
        // A master that was heard of and never heard may know of open slots.
        if !asksSeedsOnly, masters.contains(where: { views[$0] == nil }) { soon(.zero, now) }
        return changed(since: before)
    }

    /// Of the claims on each slot the best one.
    private static func map(of claims: [(slots: ClosedRange<Int>, claim: Claim)]) -> [Segment] {
        let begins = Dictionary(grouping: claims) { $0.slots.lowerBound }
        let ends = Dictionary(grouping: claims) { $0.slots.upperBound + 1 }
        let borders = Set(begins.keys).union(ends.keys).sorted()
        var active: [Claim] = []
        var map: [Segment] = []
        for (border, next) in zip(borders, borders.dropFirst() + [HashSlot.count]) where border < next {
            for ended in ends[border] ?? [] {
                if let index = active.firstIndex(of: ended.claim) { active.remove(at: index) }
            }
            active += (begins[border] ?? []).map(\.claim)
            guard let first = active.first else { continue }
            let best = active.reduce(first) { $1.isBetter(than: $0) ? $1 : $0 }
            if let last = map.last, last.slots.upperBound == border - 1, last.claim == best {
                map[map.count - 1].slots = last.slots.lowerBound...next - 1
            } else {
                map.append(Segment(slots: border...next - 1, claim: best))
            }
        }
        return map
    }

    /// Only who has a slot says who takes it.
    private func openSlots() -> [HashSlot: RedisAddress] {
        var targets: [HashSlot: RedisAddress] = [:]
        for seen in views.values {
            guard let own = seen.view.nodes.first(where: \.isMyself), own.isMaster else { continue }
            for (slot, taker) in own.leaving where claim(on: slot.number)?.owner == own.address {
                targets[slot] = seen.view.node(taker)?.address
            }
        }
        return targets
    }

    // MARK: Output

    private mutating func changed(since before: TopologyMachine) -> [Action] {
        let slots = differences(from: before)
        let wanted = Set(masters).union(targets.values)
        let opened = wanted.subtracting(links).sorted()
        let closed = links.subtracting(wanted).sorted()
        links = wanted
        // A link counts as down until it is up.
        linksDown = linksDown.intersection(wanted).union(opened)
        return opened.map { .open($0) } + (slots.isEmpty ? [] : [.changed(slots)]) + closed.map { .close($0) }
            + checkHealth()
    }

    /// The slots whose places are others than in `before`.
    private func differences(from before: TopologyMachine) -> [ClosedRange<Int>] {
        let segments = (map + before.map).flatMap { [$0.slots.lowerBound, $0.slots.upperBound + 1] }
        let single = Set(hints.keys).union(before.hints.keys).union(targets.keys).union(before.targets.keys)
            .flatMap { [$0.number, $0.number + 1] }
        let borders = Set(segments + single + [0, HashSlot.count]).sorted()
        var changed: [ClosedRange<Int>] = []
        for (border, next) in zip(borders, borders.dropFirst()) {
            guard let slot = HashSlot(border), places(of: slot) != before.places(of: slot) else { continue }
            if let last = changed.last, last.upperBound == border - 1 {
                changed[changed.count - 1] = last.lowerBound...next - 1
            } else {
                changed.append(border...next - 1)
            }
        }
        return changed
    }

    private mutating func checkHealth() -> [Action] {
        let masters = masters
        let served = map.reduce(0) { $0 + $1.slots.count } + hints.keys.count { claim(on: $0.number) == nil }
        let present = ClusterHealth(
            masters: masters.count, mastersUp: masters.count { !linksDown.contains($0) },
            slotsUnserved: HashSlot.count - served)
        guard present != health else { return [] }
        health = present
        return [.health(present)]
    }

    // MARK: Asking

    private mutating func soon(_ delay: Duration, _ now: Time) {
        let earliest = max(now + delay, lastAsked.map { $0 + settings.askInterval } ?? now)
        nextAsk = nextAsk.map { min($0, earliest) } ?? earliest
    }

    private mutating func due(_ now: Time) -> [Action] {
        guard nextAsk.map({ $0 <= now }) ?? true else { return [] }
        lastAsked = now
        let isTroubled = !health.isWhole || !failing.isEmpty || !hints.isEmpty
        nextAsk = now + (isTroubled ? settings.troubledInterval : settings.pollInterval)
        let known = asksSeedsOnly ? [] : masters
        // Seeds are the last resort: they may be gone by now, or belong to another cluster.
        return [.ask(known.isEmpty || known.allSatisfy(linksDown.contains) ? Set(seeds + known).sorted() : known)]
    }
}

/// How much of a cluster can be used.
struct ClusterHealth: Hashable, Sendable {
    var masters = 0
    /// Masters with at least one connection.
    var mastersUp = 0
    /// Slots that no known node has.
    var slotsUnserved = HashSlot.count

    var isWhole: Bool { slotsUnserved == 0 && mastersUp == masters }
}
