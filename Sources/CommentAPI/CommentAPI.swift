import Broker
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage

@main
enum CommentAPI {
    static func main() async {
        await ServiceMain.run(
            "CommentAPI", summary: "takes comments, stores and publishes them", CommentAPISettings.self
        ) { settings, process in
            let broker = ServiceBroker(
                redis: settings.redis, history: settings.history, process: process, needsWrites: true)
            return assemble(settings, process, broker: broker.broker, services: [broker])
        }
    }

    /// The service around a broker.
    static func assemble(
        _ settings: CommentAPISettings, _ process: ServiceProcess, broker: any EventLog, services: [any Service] = []
    ) -> ServiceAssembly {
        let counters = CommentCounters()
        let database = settings.database.configuration.map { ServiceDatabase($0, process: process) }
        let postgres = database.map {
            PostgresCommentRepository(
                $0, settings: settings.outbox, broker: broker, process: process, counters: counters)
        }
        // PostgreSQL and Redis when there is a database, else Redis alone.
        let repository: any CommentRepository = postgres ?? RedisCommentRepository(broker: broker)
        let router = process.makeRouter()
        let service = CommentService(repository: repository, counters: counters)
        CommentRoutes(service: service).add(to: router)
        PostCommentRoutes(service: service, repository: postgres).add(to: router)
        HistoryRoutes(repository: repository, posts: postgres).add(to: router)
        RemovalRoutes(repository: repository, counters: counters).add(to: router)
        SlowModeRoutes().add(to: router)
        StatisticsRoutes(statsAPI: settings.reports.url, authorization: process.access.serviceAuthorization).add(
            to: router)
        let reporter = StatisticsReporter(
            CommentReports(counters: counters, process: process, storedComments: postgres?.storedComments),
            settings: settings.reports, path: "/comment-api-statistics", process: process)
        let own: [(any Service)?] = [database, postgres, reporter]
        return ServiceAssembly(
            router: router, services: services + own.compactMap { $0 },
            crossOrigin: CrossOriginPolicy())
    }
}
