/// One process's view of all Readers, and what it has placed since that view was made.
///
/// The announcements are of one moment, the own one included: fresh own counts against an old mean would push cold
/// channels away. What came since is a sample: each viewer is counted by the Reader that it asked *first*, so that
/// every process sees an equal part of the arrivals to all Readers. Counting those that a Reader serves would make each
/// Reader too loaded in its own eyes alone.
public struct PlacementBoard: Sendable {
    /// Channels whose arrivals are counted between two views; those beyond are placed by the announcements alone.
    public static let channelsMax = 4_096
    /// Fewer counted viewers than these say too little about how many one stands for.
    private static let sampleMin = 20

    public let policy: PlacementPolicy
    public private(set) var views = ReaderViews([ReaderView]())
    /// Viewers that one counted viewer stands for.
    private(set) var weight = 1
    /// Connections of all Readers as they were announced.
    private var announcedConnections = 0
    /// Counted since the last moment.
    private var counts = ArrivalCounts()
    /// Counted up to the last moment, whose announcements are still to come.
    private var closing: ArrivalCounts?

    public init(policy: PlacementPolicy) {
        self.policy = policy
    }

    /// The moment of the next announcements: they know of viewers who came before, and of none who come from now on.
    public mutating func moment() {
        closing = (closing ?? ArrivalCounts()).adding(counts)
        counts = ArrivalCounts()
    }

    /// Takes the announcements of all Readers, of the last ``moment()``, or of now when there was none.
    public mutating func announced(_ readers: some Sequence<ReaderView>) {
        if closing == nil { moment() }
        let before = closing ?? ArrivalCounts()
        closing = nil
        views = ReaderViews(readers)
        // All Readers asked alike, a counted viewer stands for as many as there are Readers.
        if before.counted >= Self.sampleMin {
            let came = views.connections - announcedConnections
            weight = min(max(came / before.counted, 1), max(views.open, 1))
        }
        announcedConnections = views.connections
        // The Reader's own word takes a view more to come.
        for (reader, channels) in before.filled {
            for channel in channels { views.filled(channel, on: reader) }
        }
        let since = counts
        counts = ArrivalCounts()
        for (reader, channels) in since.arrivals {
            for (channel, viewers) in channels { count(viewers, channel, on: reader) }
        }
    }

    /// What Reader `id` does with a viewer of `channel` that was redirected `hops` times.
    ///
    /// - Parameters:
    ///   - mayRedirect: see ``PlacementPolicy/decide(channel:at:hops:mayRedirect:in:turn:)``.
    ///   - isClosed: Reader `id` takes no more viewers, whatever its last announcement says.
    ///   - avoided: another Reader, that this viewer cannot reach; it goes where the channel goes without that one.
    ///   - turn: see ``PlacementPolicy/choose(for:in:turn:)``.
    public mutating func place(
        channel: String, at id: String, hops: Int, mayRedirect: Bool = true, isClosed: Bool,
        avoiding avoided: String? = nil, turn: UInt64
    ) -> PlacementDecision {
        let now = closing(isClosed ? id : nil, avoided)
        let decision = policy.decide(
            channel: channel, at: id, hops: hops, mayRedirect: mayRedirect, in: now, turn: turn)
        guard hops == 0 else { return decision }
        switch decision {
        case .serve: count(1, channel, on: id)
        case .redirect(let other): count(1, channel, on: other)
        case .refuse: break
        }
        return decision
    }

    /// The Reader for the next viewer of `channel`, who is not counted.
    public func locate(
        channel: String, at id: String, isClosed: Bool, avoiding avoided: String? = nil, turn: UInt64
    ) -> ReaderView? {
        policy.choose(for: channel, in: closing(isClosed ? id : nil, avoided), turn: turn)
    }

    private func closing(_ ids: String?...) -> ReaderViews {
        ids.reduce(views) { views, id in id.map(views.closing) ?? views }
    }

    private mutating func count(_ viewers: Int, _ channel: String, on reader: String) {
        views.placed(viewers * weight, on: reader)
        let here = counts.count(viewers, channel, on: reader, channelsMax: Self.channelsMax)
        guard policy.strategy == .overflow, let connections = views[reader]?.connections else { return }
        if here * weight >= policy.limits.partMax(mean: views.mean) { fill([channel], on: reader) }
        // The hottest give way before the bound turns away cold channels, too: each would cost a subscription for good.
        guard connections > policy.limits.shedAbove(mean: views.mean), counts.mayShed(reader, at: connections) else {
            return
        }
        let viewers = (counts.arrivals[reader] ?? [:]).map { (channel: $0.key, viewers: $0.value * weight) }
        fill(
            FullChannels.names(
                viewers: viewers, connections: connections, mean: views.mean, limits: policy.limits), on: reader)
    }

    private mutating func fill(_ channels: [String], on reader: String) {
        for channel in channels {
            counts.filled[reader, default: []].insert(channel)
            views.filled(channel, on: reader)
        }
    }
}

/// Viewers that one process has placed in a stretch of time.
private struct ArrivalCounts: Sendable {
    private(set) var counted = 0
    /// By Reader and channel.
    private(set) var arrivals: [String: [String: Int]] = [:]
    /// Channels that became full by this count, by Reader.
    var filled: [String: Set<String>] = [:]
    private var channels = 0
    /// Connections at which each Reader's hot channels are looked at again.
    private var shedAgainAt: [String: Int] = [:]

    /// - Returns: viewers of `channel` on `reader`; 0 when there is no room to count another channel.
    mutating func count(_ viewers: Int, _ channel: String, on reader: String, channelsMax: Int) -> Int {
        counted += viewers
        if arrivals[reader]?[channel] == nil {
            guard channels < channelsMax else { return 0 }
            channels += 1
        }
        arrivals[reader, default: [:]][channel, default: 0] += viewers
        return arrivals[reader]?[channel] ?? 0
    }

    /// Whether to look for the hot channels of a Reader that has so many connections: a look is not for every viewer.
    mutating func mayShed(_ reader: String, at connections: Int) -> Bool {
        guard connections >= shedAgainAt[reader] ?? 0 else { return false }
        shedAgainAt[reader] = connections + max(1, connections / 50)
        return true
    }

    /// Both, one after the other; the marks of the other are the newer ones.
    func adding(_ other: ArrivalCounts) -> ArrivalCounts {
        var sum = self
        sum.counted += other.counted
        sum.filled.merge(other.filled) { $0.union($1) }
        return sum
    }
}
