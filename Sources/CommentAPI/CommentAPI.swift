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
        let record = settings.database.configuration.map { configuration in
            let database = ServiceDatabase(configuration, process: process)
            return (
                database: database,
                record: CommentRecord(
                    database, settings: settings.outbox, broker: broker, process: process, tally: tally)
            )
        }
        // PostgreSQL and Redis when there is a database, else Redis alone.
        let archive: any CommentArchive = record?.record.archive ?? RedisArchive(broker: broker)
        let desk = CommentDesk(archive: archive, tally: tally)
        let router = process.makeRouter()
        CommentRoutes(desk: desk).add(to: router)
        HistoryRoutes(archive: archive).add(to: router)
        RemovalRoutes(archive: archive, moderator: settings.moderator, tally: tally).add(to: router)
        StatisticsRoutes(statsAPI: settings.reports.url).add(to: router)
        let reporter = StatisticsReporter(
            CommentReports(desk: desk, process: process, storedComments: record?.record.storedComments),
            settings: settings.reports, path: "/comment-api-statistics",
            process: process)
        let databaseServices = record.map { [$0.database] + $0.record.services } ?? []
        let reporting: [(any Service)?] = reporter.map { [record?.record.storedComments, $0] } ?? []
        return ServiceAssembly(
            router: router, services: services + databaseServices + reporting.compactMap { $0 },
            crossOrigin: CrossOriginPolicy(requestHeaders: ["content-type", "authorization", "idempotency-key"]))
    }
}
