import Broker
import ServiceLifecycle
import ServiceRuntime

@main
enum CommentAPI {
    static func main() async {
        await ServiceMain.run("CommentAPI", summary: "takes comments and publishes them", CommentAPISettings.self) {
            settings, process in
<<<<<<< HEAD
            let broker = try ServiceBroker(redis: settings.redis, history: settings.history, process: process)
            return assemble(settings, process, broker: broker.broker, services: [broker])
=======
            let broker = process.makeRedisBroker(settings.redis, history: settings.history)
            var assembly = assemble(settings, process, broker: broker)
            assembly.services.insert(BrokerService(broker), at: 0)
            return assembly
>>>>>>> f2af1a15e68018d93185d22d5495ed8218a4f883
        }
    }

    /// The service around a broker.
    static func assemble(
        _ settings: CommentAPISettings, _ process: ServiceProcess, broker: any Broker, services: [any Service] = []
    ) -> ServiceAssembly {
        process.readiness.require("redis") { broker.isReady ? nil : "Redis is away" }
        let desk = CommentDesk(broker: broker)
        let router = process.makeRouter()
        CommentRoutes(desk: desk).add(to: router)
        StatisticsRoutes(statsAPI: settings.reports.url).add(to: router)
        let reporter = StatisticsReporter(
            CommentReports(desk: desk, process: process), settings: settings.reports, path: "/comment-api-statistics",
            process: process)
<<<<<<< HEAD
        return ServiceAssembly(router: router, services: services + [reporter].compactMap { $0 })
=======
        return ServiceAssembly(router: router, services: [reporter].compactMap { $0 }, crossOrigin: CrossOriginPolicy())
>>>>>>> f2af1a15e68018d93185d22d5495ed8218a4f883
    }
}
