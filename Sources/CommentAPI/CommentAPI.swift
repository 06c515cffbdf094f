import Broker
import ServiceLifecycle
import ServiceRuntime

@main
enum CommentAPI {
    static func main() async {
        await ServiceMain.run("CommentAPI", summary: "takes comments and publishes them", CommentAPISettings.self) {
            settings, process in
            let broker = ServiceBroker(redis: settings.redis, history: settings.history, process: process)
            return assemble(settings, process, broker: broker.broker, services: [broker])
        }
    }

    /// The service around a broker.
    static func assemble(
        _ settings: CommentAPISettings, _ process: ServiceProcess, broker: any Broker, services: [any Service] = []
    ) -> ServiceAssembly {
        let desk = CommentDesk(broker: broker)
        let router = process.makeRouter()
        CommentRoutes(desk: desk).add(to: router)
        StatisticsRoutes(statsAPI: settings.reports.url).add(to: router)
        let reporter = StatisticsReporter(
            CommentReports(desk: desk, process: process), settings: settings.reports, path: "/comment-api-statistics",
            process: process)
        return ServiceAssembly(
            router: router, services: services + [reporter].compactMap { $0 }, crossOrigin: CrossOriginPolicy())
    }
}
