import Fanout
import Logging
import Placement
import RedisNIO
import ServiceLifecycle
import ServiceRuntime

/// Announces this Reader and learns of the others, once an interval. It stops after the hub has drained.
struct ReaderRegistry: Service {
    let redis: RedisClient
    let desk: PlacementDesk
    let hub: Hub
    let settings: RegistrySettings
    let logger: Logger

    func run() async throws {
        var isAway = false
        let address = PublicAddress(settings.publicURL, desk: desk, logger: logger)
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            address?.check()
            await announce(&isAway)
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: desk.untilMoment) }
        }
        if !Task.isCancelled { try? await exchange(connections: hub.places, lifetime: .zero) }
    }

    /// Counts, lets the others count, and reads them; see ``RegistryPace``. What is full follows from the numbers of all at
    /// one moment, so it is known only after the others were read; when that changed, it is told at once.
    private func announce(_ isAway: inout Bool) async {
        let connections = desk.moment { hub.places }
        do {
            try await exchange(connections: connections, isView: !desk.hasView)
            try? await cancelWhenGracefulShutdown {
                try await Task.sleep(for: RegistryPace.reading(after: settings.interval))
            }
            try await exchange(connections: connections)
            if isFullChanged() { try await exchange(connections: connections) }
            if isAway { logger.info("the registry of Readers answers again") }
            isAway = false
        } catch {
            desk.failed()
            if !isAway { logger.warning("the registry of Readers failed", metadata: ["error": "\(error)"]) }
            isAway = true
        }
    }

    /// Tells all others at once that this Reader takes no more viewers.
    func leave() async {
        desk.leave()
        try? await exchange(connections: hub.places)
    }

    /// - Parameter isView: whether the others have counted, too, so that viewers may be placed by the answer.
    private func exchange(connections: Int, lifetime: Duration? = nil, isView: Bool = true) async throws {
        let announcement = desk.announcement(connections: connections, isClosed: hub.isClosed)
        let reply = try await redis.evaluate(
            RegistryCall.script, keys: [RegistryCall.key],
            arguments: try desk.call.arguments(announcement, lifetime: lifetime ?? settings.lifetime))
        let snapshot = try desk.call.snapshot(from: reply)
        switch desk.take(snapshot, announced: announcement, isView: isView) {
        case .none: break
        case .began:
            logger.error(
                "another Reader has the same INSTANCE_ID; this one is not announced",
                metadata: ["reader.id": "\(desk.call.id)"])
        case .ended:
            logger.info("the INSTANCE_ID is this Reader's own again", metadata: ["reader.id": "\(desk.call.id)"])
        }
    }

    private func isFullChanged() -> Bool {
        guard settings.strategy == .overflow else { return false }
        return desk.setFull(of: hub.audience(atLeast: settings.limits.partMin))
    }
}

/// Lets everybody know that a Reader is about to stop before it stops to answer.
struct Farewell: Service {
    let registry: ReaderRegistry

    func run() async throws {
        // Throws when the task is cancelled, which is the other way to end.
        try? await gracefulShutdown()
        guard !Task.isCancelled else { return }
        await registry.leave()
        // By then everybody has read it.
        try? await Task.sleep(for: registry.settings.interval * 1.25)
    }
}
