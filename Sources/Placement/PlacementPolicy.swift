/// Where a viewer of a channel belongs: a pure function of the Readers' announcements.
public struct PlacementPolicy: Sendable {
    public let strategy: PlacementStrategy
    public let limits: PlacementLimits

    public init(_ strategy: PlacementStrategy, limits: PlacementLimits = .standard) {
        self.strategy = strategy
        self.limits = limits
    }

    /// Readers that take viewers, in the rendezvous order of `channel`, ties by id; load and fullness are not looked at.
    public func candidates(for channel: String, in views: ReaderViews) -> [ReaderView] {
        Rendezvous.order(channel: StableHash.of(channel), readers: views.hashes)
            .map { views.readers[$0] }
            .filter { !$0.isDraining }
    }

    /// The Reader for the next viewer of `channel`; `nil` when nobody takes viewers.
    ///
    /// - Parameter turn: a random number for `random` and for equal Readers of `leastConnections`, a counter for
    ///   `roundRobin`. The other strategies do not look at it.
    public func choose(for channel: String, in views: ReaderViews, turn: UInt64 = 0) -> ReaderView? {
        switch strategy {
        case .random, .roundRobin: nth(turn, of: views.readers.filter { !$0.isDraining })
        case .leastConnections: fewestConnections(in: views, turn: turn)
        case .rendezvous: candidates(for: channel, in: views).first
        case .overflow: withRoom(for: channel, in: views)
        }
    }

    /// What Reader `id` does with a viewer of `channel` that was already redirected `hops` times.
    ///
    /// Never a loop: every redirect raises `hops`, and from ``PlacementLimits/hopsMax`` on the answer is not a redirect.
    ///
    /// - Parameter mayRedirect: whether the viewer would come back here when the Reader that it is sent to is gone.
    public func decide(
        channel: String, at id: String, hops: Int, mayRedirect: Bool = true, in views: ReaderViews, turn: UInt64 = 0
    ) -> PlacementDecision {
        let isDraining = views[id]?.isDraining ?? false
        if !isDraining {
            if hops >= limits.hopsMax { return .serve(.hopsUsedUp) }
            // One redirect is enough: the next Reader would choose at random again.
            if strategy == .random || (!strategy.followsChannel && hops > 0) { return .serve(.anywhere) }
        } else if hops >= limits.hopsMax {
            return .refuse(.draining)
        }
        guard let chosen = choose(for: channel, in: views, turn: turn) else {
            return isDraining ? .refuse(.draining) : .serve(.nobodyElse)
        }
        if chosen.id == id { return .serve(.chosen) }
        guard mayRedirect else { return isDraining ? .refuse(.draining) : .serve(.notRedirected) }
        return .redirect(to: chosen.id)
    }

    /// Why ``decide(channel:at:hops:in:turn:)`` sent a viewer of `channel` away from `id`.
    public func reason(channel: String, at id: String, isClosed: Bool, in views: ReaderViews) -> RedirectReason {
        if isClosed { return .closed }
        guard strategy == .overflow, candidates(for: channel, in: views).first?.id == id else { return .elsewhere }
        return views[id]?.fullChannels.contains(channel) ?? false ? .channelFull : .overloaded
    }

    private func nth(_ turn: UInt64, of readers: [ReaderView]) -> ReaderView? {
        readers.isEmpty ? nil : readers[Int(turn % UInt64(readers.count))]
    }

    private func fewestConnections(in views: ReaderViews, turn: UInt64) -> ReaderView? {
        let open = views.readers.filter { !$0.isDraining }
        guard let fewest = open.map(\.connections).min() else { return nil }
        return nth(turn, of: open.filter { $0.connections == fewest })
    }

    /// First in order under the bound and not full; then under the bound; then the one with the fewest connections.
    private func withRoom(for channel: String, in views: ReaderViews) -> ReaderView? {
        let order = candidates(for: channel, in: views)
        guard !order.isEmpty else { return nil }
        let connectionsMax = limits.connectionsMax(mean: views.settledMean)
        let bounded = order.filter { $0.connections < connectionsMax }
        return bounded.first { !$0.fullChannels.contains(channel) } ?? bounded.first
            ?? order.min { $0.connections < $1.connections }
    }
}

/// What a Reader does with a viewer.
public enum PlacementDecision: Equatable, Sendable {
    /// Take it here.
    case serve(ServeReason)
    /// Answer `307` with the address of this Reader.
    case redirect(to: String)
    /// Answer `503` with `Retry-After`.
    case refuse(RefuseReason)

    public enum ServeReason: String, Sendable, CaseIterable {
        /// This Reader is the viewer's place.
        case chosen
        /// The strategy has no place for a channel.
        case anywhere
        /// The viewer was sent on often enough.
        case hopsUsedUp = "hops_used_up"
        /// No other Reader is known.
        case nobodyElse = "nobody_else"
        /// Another Reader is the viewer's place, and the viewer would not come back from there.
        case notRedirected = "not_redirected"
    }

    public enum RefuseReason: String, Sendable, CaseIterable {
        /// This Reader drains, and no other one takes viewers, or this viewer would not come back from there.
        case draining
    }
}

/// Why a viewer is sent on.
public enum RedirectReason: String, Sendable, CaseIterable {
    /// Another Reader comes first for this channel, or the strategy dealt the viewer to it.
    case elsewhere
    /// This Reader comes first, and has enough viewers of this channel.
    case channelFull = "channel_full"
    /// This Reader comes first, and is over the bounded load.
    case overloaded
    /// This Reader takes no more viewers.
    case closed
}
