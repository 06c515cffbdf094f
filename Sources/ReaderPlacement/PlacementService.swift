package import CoreMetrics
internal import Fanout
package import Placement
internal import Primitives
package import ServiceRuntime

/// Which Reader a viewer belongs to: the latest view of all Readers, and what this Reader knows of itself.
package final class PlacementService: Sendable {
    /// What a viewer is answered.
    package enum Answer: Equatable, Sendable {
        case serve(String)
        /// Id and public URL of the Reader to go to.
        case redirect(id: String, url: String)
        /// This Reader is about to stop, and no other takes viewers.
        case refuse(PlacementDecision.RefuseReason)
    }

    private struct State {
        var board: PlacementBoard
        var snapshot = RegistrySnapshot()
        var seenAt: ContinuousClock.Instant?
        /// The clock of Redis, and when it was read.
        var serverClock: (at: ContinuousClock.Instant, milliseconds: Int)?
        var announcedAt: ContinuousClock.Instant?
        var conflict = IdentityConflict()
        var address = ReaderAddress.unknown
        var full: [String] = []
        var isLeaving = false
        var failures = 0
        var turn: UInt64 = 0
        /// Viewers who were served here because they cannot be redirected, since the start.
        var notRedirected = 0
    }

    package let call: RegistryCall
    package let settings: RegistrySettings
    private let capacity: Int
    private let isClosed: @Sendable () -> Bool
    private let startedAt = ContinuousClock.now
    private let state: Mutex<State>
    private let metrics: PlacementMetrics

    /// - Parameters:
    ///   - id: of this Reader.
    ///   - session: of this process: another one with the same id has another.
    ///   - capacity: connections that this Reader takes at most.
    ///   - isClosed: whether this Reader takes no more viewers now.
    package init(
        settings: RegistrySettings, id: String, session: String, metrics: any MetricsFactory, capacity: Int,
        isClosed: @escaping @Sendable () -> Bool
    ) {
        self.settings = settings
        self.capacity = capacity
        self.isClosed = isClosed
        call = RegistryCall(id: id, session: session)
        self.metrics = PlacementMetrics(factory: metrics)
        state = Mutex(
            State(board: PlacementBoard(policy: PlacementPolicy(settings.strategy, limits: settings.limits))))
    }

    // MARK: Registry

    package func announcement(connections: Int, isClosed: Bool) -> ReaderAnnouncement {
        state.withLock { state in
            ReaderAnnouncement(
                url: state.address.url, connections: connections, capacity: capacity,
                draining: state.isLeaving || isClosed, full: state.full)
        }
    }

    /// The Readers count their connections now; viewers that are placed from now on are not among what `count` returns.
    package func moment(_ count: () -> Int) -> Int {
        state.withLock { $0.board.moment() }
        return count()
    }

    /// The registry answered to `announced`.
    package func received(
        _ snapshot: RegistrySnapshot, announced: ReaderAnnouncement, isView: Bool
    ) -> IdentityConflict.Change {
        state.withLock { state in
            let now = ContinuousClock.now
            state.serverClock = (now, snapshot.serverMilliseconds)
            if snapshot.holder == nil, announced.url != nil { state.announcedAt = state.announcedAt ?? now }
            if isView {
                state.snapshot = snapshot
                state.seenAt = now
                state.board.announced(snapshot.views)
            }
            return state.conflict.seen(holder: snapshot.holder)
        }
    }

    /// The time to the next moment; a whole interval while the clock of Redis is unknown.
    package var untilMoment: Duration {
        guard let (at, milliseconds) = state.withLock({ $0.serverClock }) else { return settings.interval }
        return RegistrySchedule.untilMoment(
            serverMilliseconds: milliseconds, elapsed: ContinuousClock.now - at, interval: settings.interval)
    }

    package var hasView: Bool { state.withLock { $0.seenAt != nil } }

    package func failed() { state.withLock { $0.failures += 1 } }

    /// Finds the channels that are full here; `true` when they differ from those announced.
    package func setFull(of viewers: [(channel: String, viewers: Int)]) -> Bool {
        state.withLock { state in
            guard let own = state.board.views[call.id] else { return false }
            let full = FullChannels.names(
                viewers: viewers, connections: own.connections, mean: state.board.views.mean, limits: settings.limits)
            defer { state.full = full }
            return full != state.full
        }
    }

    package func setAddress(_ address: ReaderAddress) { state.withLock { $0.address = address } }

    /// From now on this Reader takes no viewers, and announces that.
    package func leave() { state.withLock { $0.isLeaving = true } }

    // MARK: Viewers

    /// - Parameters:
    ///   - mayRedirect: whether the viewer would come back here when the Reader that it is sent to is gone.
    ///   - avoided: the Reader that the viewer was sent to and did not reach. It may have died a moment ago, with an
    ///     announcement that is still good.
    package func place(
        channel: String, hops: Int, mayRedirect: Bool, avoiding avoided: ServiceURL? = nil
    ) -> Answer {
        let start = ContinuousClock.now
        defer { metrics.took(ContinuousClock.now - start) }
        // Outside of the lock: it takes one of its own.
        let isFull = isClosed()
        return state.withLock { state in
            // Redirects need addresses that viewers reach; with `random` there may be none.
            guard settings.strategy != .random else {
                return metrics.count(.serve(PlacementDecision.ServeReason.anywhere.rawValue))
            }
            guard isFresh(state) else { return metrics.count(alone(state)) }
            let avoided = other(at: avoided, state)
            if avoided != nil { metrics.avoided() }
            return metrics.count(decide(channel, hops, mayRedirect, &state, isFull: isFull, avoiding: avoided))
        }
    }

    /// The id of another Reader that is announced with this URL.
    private func other(at url: ServiceURL?, _ state: State) -> String? {
        guard let url else { return nil }
        func isThere(_ announced: String) -> Bool {
            ServiceURL(announced, schemes: ["http", "https"])?.isSameServer(as: url) ?? false
        }
        return state.snapshot.readers.first { $0.key != call.id && $0.value.url.map(isThere) ?? false }?.key
    }

    private func decide(
        _ channel: String, _ hops: Int, _ mayRedirect: Bool, _ state: inout State, isFull: Bool,
        avoiding avoided: String?
    ) -> Answer {
        let isClosed = state.isLeaving || isFull
        let (id, turn) = (ownID(state), nextTurn(&state))
        let views = state.board.views
        let decision = state.board.place(
            channel: channel, at: id, hops: hops, mayRedirect: mayRedirect, isClosed: isClosed, avoiding: avoided,
            turn: turn)
        switch decision {
        case .serve(let reason):
            if reason == .notRedirected { state.notRedirected += 1 }
            return .serve(reason.rawValue)
        case .refuse: return alone(state)
        case .redirect(let other):
            guard let url = state.snapshot.readers[other]?.url else { return alone(state) }
            metrics.redirected(state.board.policy.reason(channel: channel, at: id, isClosed: isClosed, in: views))
            return .redirect(id: other, url: url)
        }
    }

    /// Without a view of the others. Whether there is room decides the hub: a place may be free by now.
    private func alone(_ state: State) -> Answer {
        state.isLeaving ? .refuse(.draining) : .serve(PlacementMetrics.noView)
    }

    /// Where the next viewer of `channel` belongs. Nobody is counted.
    package func locate(channel: String, avoiding avoided: ServiceURL? = nil) -> Answer {
        let isFull = isClosed()
        return state.withLock { state in
            guard isFresh(state) else { return alone(state) }
            let isClosed = state.isLeaving || isFull
            let (id, turn) = (ownID(state), nextTurn(&state))
            let avoided = other(at: avoided, state)
            if avoided != nil { metrics.avoided() }
            let chosen = state.board.locate(
                channel: channel, at: id, isClosed: isClosed, avoiding: avoided, turn: turn)
            guard let chosen else {
                return isClosed ? alone(state) : .serve(PlacementDecision.ServeReason.nobodyElse.rawValue)
            }
            guard let url = state.snapshot.readers[chosen.id]?.url else { return alone(state) }
            return .redirect(id: chosen.id, url: url)
        }
    }

    /// Empty when another process has this Reader's id: then it is none of the Readers in the view.
    private func ownID(_ state: State) -> String { state.snapshot.holder == nil ? call.id : "" }

    private func isFresh(_ state: State) -> Bool {
        state.seenAt.map { ContinuousClock.now - $0 <= settings.viewAgeMax } ?? false
    }

    private func nextTurn(_ state: inout State) -> UInt64 {
        guard settings.strategy == .roundRobin else { return .random(in: 0 ... .max) }
        defer { state.turn &+= 1 }
        return state.turn
    }
}

// MARK: - Readiness and metrics

extension PlacementService {
    /// Where this Reader itself is reached, if anywhere.
    package var ownURL: String? { state.withLock { $0.address.url } }

    package var isAddressLost: Bool { state.withLock { $0.address == .lost } }

    /// Whether the others may not know this Reader yet: viewers would be placed without it. It ends after a while whatever
    /// happens: a registry that fails keeps no Reader from serving.
    package var isBeingIntroduced: Bool {
        // Without an address nobody is sent here, known or not.
        guard settings.isTarget else { return false }
        let now = ContinuousClock.now
        if now - startedAt > settings.interval * 10 { return false }
        return state.withLock { state in
            guard !state.conflict.isActive else { return false }
            guard state.address != .lost else { return false }
            return state.announcedAt.map { now - $0 < settings.interval * 1.25 } ?? true
        }
    }

    package var notRedirected: Int { state.withLock { $0.notRedirected } }

    package var hasConflict: Bool { state.withLock { $0.conflict.isActive } }

    /// Seconds; not a number before the first view.
    package var viewAge: Double {
        guard let seenAt = state.withLock({ $0.seenAt }) else { return .nan }
        return (ContinuousClock.now - seenAt) / .seconds(1)
    }

    package var knownReaders: Int { state.withLock { $0.snapshot.readers.count } }
    package var garbageEntries: Int { state.withLock { $0.snapshot.garbage } }
    package var registryFailures: Int { state.withLock { $0.failures } }
}
