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
        let tally = CommentTally()
        let (archive, recordServices) = makeArchive(settings, process, broker: broker, tally: tally)
        let desk = CommentDesk(archive: archive, tally: tally)
        let router = process.makeRouter()
        CommentRoutes(desk: desk).add(to: router)
        HistoryRoutes(archive: archive).add(to: router)
        RemovalRoutes(archive: archive, moderator: settings.moderator).add(to: router)
        StatisticsRoutes(statsAPI: settings.reports.url).add(to: router)
        let reporter = StatisticsReporter(
            CommentReports(desk: desk, process: process), settings: settings.reports, path: "/comment-api-statistics",
            process: process)
        return ServiceAssembly(
            router: router, services: services + recordServices + [reporter].compactMap { $0 },
            crossOrigin: CrossOriginPolicy(requestHeaders: ["content-type", "authorization", "idempotency-key"]))
    }

    /// PostgreSQL and Redis when there is a database, else Redis alone.
    private static func makeArchive(
        _ settings: CommentAPISettings, _ process: ServiceProcess, broker: any EventLog, tally: CommentTally
    ) -> (archive: any CommentArchive, services: [any Service]) {
        guard let configuration = settings.database.configuration else { return (RedisArchive(broker: broker), []) }
        let database = ServiceDatabase(configuration, process: process)
        let record = CommentRecord(
            database, settings: settings.outbox, broker: broker, process: process,
            published: { tally.published(on: $0) })
        return (record.archive, [database] + record.services)
    }
}
