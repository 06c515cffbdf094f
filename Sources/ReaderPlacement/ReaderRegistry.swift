package import Fanout
package import Logging
internal import Placement
internal import Primitives
package import RedisNIO
internal import ServiceLifecycle
internal import ServiceRuntime

/// Announces this Reader and reads the others, once an interval. It stops after the hub has drained.
package struct ReaderRegistry: Service {
    package let redis: RedisClient
    package let placement: PlacementService
    package let hub: Hub
    package let settings: RegistrySettings
    package let logger: Logger

    package init(
        redis: RedisClient, placement: PlacementService, hub: Hub, settings: RegistrySettings, logger: Logger
    ) {
        self.redis = redis
        self.placement = placement
        self.hub = hub
        self.settings = settings
        self.logger = logger
    }

    package func run() async throws {
        var isAway = false
        let address = PublicAddress(settings.publicURL, placement: placement, logger: logger)
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            address?.check()
            await announce(&isAway)
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: placement.untilMoment) }
        }
        if !Task.isCancelled { try? await exchange(connections: hub.places, lifetime: .zero) }
    }

    /// Counts, lets the others count, and reads them; see ``RegistrySchedule``. Which channels are full follows from the
    /// numbers of all at one moment, so it is known after the others were read; when it changed, it is announced at once.
    private func announce(_ isAway: inout Bool) async {
        let connections = placement.moment { hub.places }
        do {
            try await exchange(connections: connections, isView: !placement.hasView)
            try? await cancelWhenGracefulShutdown {
                try await Task.sleep(for: RegistrySchedule.reading(after: settings.interval))
            }
            try await exchange(connections: connections)
            if isFullChanged() { try await exchange(connections: connections) }
            if isAway { logger.info("the registry of Readers answers again") }
            isAway = false
        } catch {
            placement.failed()
            if !isAway { logger.warning("the registry of Readers failed", metadata: ["error": "\(error)"]) }
            isAway = true
        }
    }

    /// Announces at once that this Reader takes no more viewers.
    package func leave() async {
        placement.leave()
        try? await exchange(connections: hub.places)
    }

    /// - Parameter isView: whether the others have counted, too, so that viewers may be placed by the answer.
    private func exchange(connections: Int, lifetime: Duration? = nil, isView: Bool = true) async throws {
        let announcement = placement.announcement(connections: connections, isClosed: hub.isClosed)
        let reply = try await redis.evaluate(
            RegistryCall.script, keys: [RegistryCall.key],
            arguments: try placement.call.arguments(announcement, lifetime: lifetime ?? settings.lifetime))
        let snapshot = try placement.call.snapshot(from: reply)
        switch placement.received(snapshot, announced: announcement, isView: isView) {
        case .none: break
        case .began:
            logger.error(
                "another Reader has the same INSTANCE_ID; this one is not announced",
                metadata: ["reader.id": "\(placement.call.id)"])
        case .ended:
            logger.info("the INSTANCE_ID is this Reader's own again", metadata: ["reader.id": "\(placement.call.id)"])
        }
    }

    private func isFullChanged() -> Bool {
        guard settings.strategy == .overflow else { return false }
        return placement.setFull(of: hub.audience(atLeast: settings.limits.partMin))
    }
}

/// Announces that a Reader is about to stop, while it still answers.
package struct LeaveAnnouncement: Service {
    private let registry: ReaderRegistry

    package init(_ registry: ReaderRegistry) { self.registry = registry }

    package func run() async throws {
        // Throws when the task is cancelled, which is the other way to end.
        try? await gracefulShutdown()
        guard !Task.isCancelled else { return }
        await registry.leave()
        // By then the others have read it.
        try? await Task.sleep(for: registry.settings.interval * 1.25)
    }
}

/// When a Reader announces itself, and when it reads the others. Pure.
///
/// All Readers count their connections at the same moments, the multiples of the interval on the clock of Redis, and
/// read a tenth of an interval later. Otherwise each would see itself as of now and the others as of up to an interval
/// ago: while many viewers come, each Reader would take itself for the fullest and redirect viewers of cold channels.
package enum RegistrySchedule {
    /// From a moment to the time at which all have written what they counted then.
    package static func reading(after interval: Duration) -> Duration { interval / 10 }

    /// The time to the next moment, more than nothing and at most `interval`.
    ///
    /// - Parameter serverMilliseconds: the clock of Redis, ``elapsed`` ago.
    package static func untilMoment(serverMilliseconds: Int, elapsed: Duration, interval: Duration) -> Duration {
        let every = interval.nanoseconds
        guard every > 0 else { return interval }
        let server = UInt64(clamping: serverMilliseconds) % (1 << 42) * 1_000_000
        return .nanoseconds(every - (server + elapsed.nanoseconds) % every)
    }
}

/// Whether another process has this Reader's id. Pure.
///
/// The entry of a Reader that died stays for its lifetime, and is no conflict: the same Reader was restarted. Only an entry
/// that is renewed belongs to a process that lives.
package struct IdentityConflict: Equatable, Sendable {
    package enum Change: Equatable, Sendable {
        case none, began, ended
    }

    private var lastHolder: String?
    package private(set) var isActive = false

    package mutating func seen(holder: String?) -> Change {
        defer { lastHolder = holder }
        guard let holder else {
            defer { isActive = false }
            return isActive ? .ended : .none
        }
        guard !isActive, let lastHolder, lastHolder != holder else { return .none }
        isActive = true
        return .began
    }
}
