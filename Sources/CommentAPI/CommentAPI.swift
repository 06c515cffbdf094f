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
            let broker = ServiceBroker(redis: settings.redis, history: settings.history, process: process)
            return assemble(settings, process, broker: broker.broker, services: [broker])
        }
    }

    /// The service around a broker.
    static func assemble(
        _ settings: CommentAPISettings, _ process: ServiceProcess, broker: any EventLog, services: [any Service] = []
    ) -> ServiceAssembly {
        let tally = CommentTally()
        // PostgreSQL and Redis when there is a database, else Redis alone.
        let record = settings.database.configuration.map {
            CommentRecord(
                ServiceDatabase($0, process: process), settings: settings.outbox, broker: broker, process: process,
                tally: tally)
        }
        let archive: any CommentArchive = record?.archive ?? RedisArchive(broker: broker)
        let desk = CommentDesk(archive: archive, tally: tally)
        let router = process.makeRouter()
        CommentRoutes(desk: desk).add(to: router)
        HistoryRoutes(archive: archive).add(to: router)
        RemovalRoutes(archive: archive, moderator: settings.moderator, tally: tally).add(to: router)
        StatisticsRoutes(statsAPI: settings.reports.url).add(to: router)
        let reporter = StatisticsReporter(
            CommentReports(desk: desk, process: process, storedComments: record?.storedComments),
            settings: settings.reports, path: "/comment-api-statistics", process: process)
        let reporting: [(any Service)?] = reporter.map { [record?.storedComments, $0] } ?? []
        return ServiceAssembly(
            router: router, services: services + (record?.services ?? []) + reporting.compactMap { $0 },
            crossOrigin: CrossOriginPolicy(requestHeaders: ["content-type", "authorization", "idempotency-key"]))
    }
}
