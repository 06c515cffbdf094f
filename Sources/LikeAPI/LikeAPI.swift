import Broker
import Likes
import Logging
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Storage

@main
enum LikeAPI {
    static let summary = "takes likes, counts them exactly, and carries them to the record"

    static func main() async {
        if let command = LikeCommand(CommandLine.arguments) { await command.run() }
        await ServiceMain.run("LikeAPI", summary: summary, LikeAPISettings.self) { settings, process in
            let broker = ServiceBroker(redis: settings.redis, history: settings.history, process: process)
            // Not required: likes go on without the record, and the streams carry them there later.
            let database = settings.database.configuration.map {
                ServiceDatabase($0, process: process, isRequired: false)
            }
            let record = database.map { RecordStores(pool: $0.pool, window: settings.notificationWindow) }
            return assemble(
                settings, process, broker: broker.broker, record: record,
                services: [broker] + [database].compactMap { $0 })
        }
    }

    /// The service around a broker and a record.
    static func assemble(
        _ settings: LikeAPISettings, _ process: ServiceProcess, broker: RedisBroker, record: RecordStores?,
        services: [any Service] = []
    ) -> ServiceAssembly {
        for (label, text) in LikeMetricTexts.all { process.metrics.describe(label, text) }
        let desk = LikeDesk(
            redis: broker.redis, broker: broker, likes: record?.likes, settings: settings.likes, logger: process.logger)
        let router = process.makeRouter()
        if settings.role != .worker {
            LikeRoutes(desk: desk).add(to: router)
            ListRoutes(desk: desk, likes: record?.likes).add(to: router)
            PlainRoutes(desk: desk).add(to: router)
            NotificationRoutes(notifications: record?.notifications).add(to: router)
        }
        var all = services + [DeskService(desk: desk, redis: broker.redis, process: process)]
        if settings.runsWorkers, let record {
            all.append(
                RecordWorkerService(
                    worker: RecordWorker(
                        redis: broker.redis, likes: record.likes, settings: settings.recording, like: settings.likes,
                        logger: process.logger)))
            all.append(
                NotificationService(
                    worker: NotificationWorker(
                        redis: broker.redis, broker: broker, notifications: record.notifications,
                        settings: settings.notifying, logger: process.logger)))
        }
        return ServiceAssembly(
            router: router, services: all, crossOrigin: CrossOriginPolicy())
    }
}
