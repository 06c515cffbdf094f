import Broker
import ServiceLifecycle
import ServiceRuntime

@main
enum CommentAPI {
    static func main() async {
        await ServiceMain.run(
            "CommentAPI", summary: "takes comments, stores and publishes them", CommentAPISettings.self
        ) { settings, process in
            let broker = ServiceBroker(redis: settings.redis, history: settings.history, process: process)
            return assemble(settings, process, broker: broker.broker, services: [broker])
        }
    }

    /// The service around a broker.
    static func assemble(
        _ settings: CommentAPISettings, _ process: ServiceProcess, broker: any EventLog, services: [any Service] = []
    ) -> ServiceAssembly {
        let counters = CommentCounters()
        let (repository, databaseServices) = makeRepository(settings, process, broker: broker, counters: counters)
        let router = process.makeRouter()
        CommentRoutes(service: CommentService(repository: repository, counters: counters)).add(to: router)
        HistoryRoutes(repository: repository).add(to: router)
        RemovalRoutes(repository: repository, moderator: settings.moderator).add(to: router)
        StatisticsRoutes(statsAPI: settings.reports.url).add(to: router)
        let reporter = StatisticsReporter(
            CommentReports(counters: counters, process: process), settings: settings.reports,
            path: "/comment-api-statistics", process: process)
        return ServiceAssembly(
            router: router, services: services + databaseServices + [reporter].compactMap { $0 },
            crossOrigin: CrossOriginPolicy(requestHeaders: ["content-type", "authorization", "idempotency-key"]))
    }

    /// PostgreSQL and Redis when there is a database, else Redis alone.
    private static func makeRepository(
        _ settings: CommentAPISettings, _ process: ServiceProcess, broker: any EventLog, counters: CommentCounters
    ) -> (any CommentRepository, services: [any Service]) {
        guard let configuration = settings.database.configuration else {
            return (RedisCommentRepository(broker: broker), [])
        }
        let database = ServiceDatabase(configuration, process: process)
        let repository = PostgresCommentRepository(
            database, settings: settings.outbox, broker: broker, process: process,
            swept: { counters.published(on: $0) })
        return (repository, [database, repository])
    }
}
