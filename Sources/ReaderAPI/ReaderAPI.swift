import Broker
import Fanout
import Identity
import Likes
import Logging
import Placement
import ReaderPlacement
import RedisNIO
import ServiceLifecycle
import ServiceRuntime
import Wire

@main
enum ReaderAPI {
    static func main() async {
        await ServiceMain.run(
            "ReaderAPI", summary: "holds the viewers' connections and brings them what is published",
            ReaderSettings.self
        ) { settings, process in
            if settings.hasOneLoop { SingleLoop.install() }
            let broker = ServiceBroker(
                redis: settings.redis, history: settings.history, process: process)
            return try assemble(
                settings, process, broker: broker.broker,
                states: LikeStates(snapshots: LikeSnapshots(redis: broker.broker.redis)),
                redis: broker.broker.redis, names: settings.redis.channelNames, services: [broker])
        }
    }

    /// The service around a broker.
    ///
    /// - Parameter redis: holds the registry of Readers; without it, this Reader serves every viewer.
    static func assemble(
        _ settings: ReaderSettings, _ process: ServiceProcess, broker: any Broker,
        states: (any StateSource)? = nil, redis: RedisClient? = nil,
        names: ChannelNames = ChannelNames(namespace: nil), services: [any Service]
    ) throws -> ServiceAssembly {
        let inbox = SocketIOInbox()
        let hub = try Hub(
            settings: settings.hub(process), broker: broker, logger: process.logger, states: states,
            sessionHandler: inbox)
        process.readiness.require("hub") { hub.isReady ? nil : "not connected to Redis, or draining" }
        let router = process.makeRouter()
        let placement = PlacementService(
            settings: settings.registry, id: process.server.instance, session: process.session,
            metrics: process.metrics, capacity: hub.settings.connectionsMax
        ) { hub.isClosed }
        // Where nobody has a token, none can be exchanged for a ticket.
        let tickets = process.server.access.mode == .off ? nil : redis.map { StreamTickets(redis: $0) }
        let quota = ConnectionQuota(settings.quota)
        ConnectRoutes(
            hub: hub, instance: process.server.instance, placement: placement, tickets: tickets, quota: quota
        ).add(to: router)
        let sessions = SocketIOSessions(
            hub: hub, inbox: inbox, instance: process.server.instance, publicURL: settings.registry.publicURL,
            placement: placement, quota: quota, writes: settings.writes)
        SocketIORoutes(hub: hub, sessions: sessions, quota: quota, drain: settings.drain).add(to: router)
        StreamTicketRoutes(tickets: tickets).add(to: router)
        LocateRoutes(placement: placement, instance: process.server.instance).add(to: router)
        ReaderMetrics.register(hub, in: process.metrics)
        PlacementMetrics.register(placement, in: process.metrics)
        let registry = redis.flatMap {
            makeRegistry(settings.registry, process, redis: $0, placement: placement, hub: hub)
        }
        let viewers = redis.map { redis in
            ViewerRoutes(redis: redis).add(to: router)
            return ViewerCounts(
                redis: redis, session: process.session, names: names, metrics: process.metrics, logger: process.logger
            ) { hub.takeTouched() }
        }
        let reporter = StatisticsReporter(
            ReaderReports(hub: hub, placement: placement, settings: settings, process: process),
            settings: settings.reports,
            path: "/reader-api-statistics", process: process)
        let hubService = HubService(hub: hub, drain: settings.drain)
        return ServiceAssembly(
            router: router,
            services: services + [registry as (any Service)?, viewers].compactMap { $0 }
                + [sessions, hubService, MemoryTrimmer(hub: hub)] + [reporter].compactMap { $0 },
            crossOrigin: CrossOriginPolicy(),
            preStop: settings.registry.isTarget ? registry.map(LeaveAnnouncement.init) : nil)
    }

    private static func makeRegistry(
        _ settings: RegistrySettings, _ process: ServiceProcess, redis: RedisClient, placement: PlacementService,
        hub: Hub
    ) -> ReaderRegistry? {
        guard settings.isUsed else { return nil }
        if settings.strategy != .random, settings.publicURL == nil {
            process.logger.info(
                "READER_PUBLIC_URL is unset; no viewer is sent to this Reader",
                metadata: ["placement": "\(settings.strategy.rawValue)"])
        }
        process.readiness.require("placement") {
            placement.isBeingIntroduced ? "the other Readers do not know this one yet" : nil
        }
        process.readiness.note("registry") {
            placement.hasConflict ? "another Reader has the same INSTANCE_ID; no viewer is sent here" : nil
        }
        process.readiness.note("public-url") {
            placement.isAddressLost ? "READER_PUBLIC_URL does not resolve; no viewer is sent here" : nil
        }
        return ReaderRegistry(redis: redis, placement: placement, hub: hub, settings: settings, logger: process.logger)
    }
}

/// The counts of photos, for viewers who attach.
struct LikeStates: StateSource {
    let snapshots: LikeSnapshots

    var kinds: Set<Channel.Kind> { [.photo] }

    func states(of channels: [Channel]) async throws -> [Channel: [UInt8]] { try await snapshots.frames(of: channels) }
}
