import Broker
import Fanout
import ServiceLifecycle
import ServiceRuntime

@main
enum ReaderAPI {
    static func main() async {
        await ServiceMain.run(
            "ReaderAPI", summary: "holds the viewers' connections and brings them what is published",
            ReaderSettings.self
        ) { settings, process in
            let broker = ServiceBroker(
                redis: settings.redis, history: settings.history, process: process)
            return try assemble(
                settings, process, broker: broker.broker, states: LikeStates(redis: broker.broker.redis),
                services: [broker])
        }
    }

    /// The service around a broker.
    static func assemble(
        _ settings: ReaderSettings, _ process: ServiceProcess, broker: any Broker,
        states: (any StateSource)? = nil, services: [any Service]
    ) throws -> ServiceAssembly {
        let hub = try Hub(settings: settings.hub(process), broker: broker, logger: process.logger, states: states)
        process.readiness.require("hub") { hub.isReady ? nil : "not connected to Redis, or draining" }
        let router = process.makeRouter()
        ConnectRoutes(hub: hub, instance: process.server.instance).add(to: router)
        ReaderMetrics.register(hub, in: process.metrics)
        let reporter = StatisticsReporter(
            ReaderReports(hub: hub, settings: settings, process: process), settings: settings.reports,
            path: "/reader-api-statistics", process: process)
        let hubService = HubService(hub: hub, drain: settings.drain, retryMax: settings.reconnectSpread)
        return ServiceAssembly(
            router: router, services: services + [hubService, MemoryReturn(hub: hub)] + [reporter].compactMap { $0 },
            crossOrigin: CrossOriginPolicy())
    }
}
