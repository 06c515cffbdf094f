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
    public func decide(
        channel: String, at id: String, hops: Int, in views: ReaderViews, turn: UInt64 = 0
    ) -> PlacementDecision {
        let isDraining = views[id]?.isDraining ?? false
        if !isDraining {
            if hops >= limits.hopsMax { return .serve(.hopsUsedUp) }
            // Dealt once is dealt: the next Reader would only deal again.
            if strategy == .random || (!strategy.followsChannel && hops > 0) { return .serve(.anywhere) }
        } else if hops >= limits.hopsMax {
            return .refuse(.draining)
        }
        guard let chosen = choose(for: channel, in: views, turn: turn) else {
            return isDraining ? .refuse(.draining) : .serve(.nobodyElse)
        }
        return chosen.id == id ? .serve(.chosen) : .redirect(to: chosen.id)
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
