internal import ArgumentParser
import Broker
import Likes
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Storage

@main
enum LikeAPI {
    static let summary = "takes likes, counts them exactly, and carries them to the database"

    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst(2))
        switch CommandLine.arguments.dropFirst().first {
        case "reconcile": await ReconcileCommand.main(arguments)
        case "dead-letters": return await DeadLettersCommand.main(arguments)
        default: break
        }
        await ServiceMain.run("LikeAPI", summary: summary, LikeAPISettings.self) { settings, process in
            let broker = ServiceBroker(
                redis: settings.redis, history: settings.history, process: process, needsWrites: true)
            // Not required: likes go on without the database, and the streams carry them there later.
            let service = settings.database.configuration.map {
                ServiceDatabase($0, process: process, isRequired: false)
            }
            return assemble(
                settings, process, broker: broker.broker, database: service.map { LikeDatabase($0, settings) },
                services: [broker] + [service].compactMap { $0 })
        }
    }

    /// The service around a broker and a database.
    static func assemble(
        _ settings: LikeAPISettings, _ process: ServiceProcess, broker: RedisBroker, database: LikeDatabase?,
        services: [any Service] = []
    ) -> ServiceAssembly {
        for (label, text) in LikeMetricTexts.all { process.metrics.describe(label, text) }
        let logger = process.logger
        let likes = LikeService(
            redis: broker.redis, broker: broker, likes: database?.likes, settings: settings.likes, logger: logger)
        let router = process.makeRouter()
        if settings.role != .worker {
            LikeRoutes(likes: likes).add(to: router)
            PhotoRoutes(likes: database?.likes).add(to: router)
            NotificationRoutes(notifications: database?.notifications).add(to: router)
        }
        var all = services
        all.append(
            BackgroundService {
                try await agree(likes, broker, process)
                await likes.run()
            })
        if settings.runsWorkers, let database {
            let worker = WriteBehindWorker(
                redis: broker.redis, likes: database.likes, notifications: database.notifications,
                settings: settings.writeBehind, like: settings.likes, logger: logger)
            // Likes are taken meanwhile, up to LIKE_STREAM_MAX.
            process.readiness.note("write-behind") { worker.health.reason }
            let handler = NotificationHandler(notifications: database.notifications, broker: broker, logger: logger)
            let relay = database.service.map {
                OutboxRelay(
                    pool: $0.pool, topic: .notify, settings: settings.outbox, logger: logger, handler: handler.handle)
            }
            let eraser = database.service.map {
                // What a worker that died had taken is taken over after this time, and brought before the next.
                LikeEraser(
                    likes: likes, erasure: LikeErasure(pool: $0.pool), redis: broker.redis,
                    settle: settings.writeBehind.claimAfter * 2, logger: logger)
            }
            all.append(
                BackgroundService {
                    guard await database.service?.waitUntilMigrated() ?? true else { return }
                    async let relaying: Void? = relay?.run()
                    async let erasing: Void? = eraser?.run()
                    await worker.run()
                    _ = await (relaying, erasing)
                })
        }
        if let reporter = StatisticsReporter(
            LikeReports(process: process), settings: settings.reports, path: "/like-api-statistics", process: process)
        {
            all.append(reporter)
        }
        return ServiceAssembly(router: router, services: all, crossOrigin: CrossOriginPolicy())
    }

    /// Ends the process when the others on this Redis work with other partitions; not ready when that happens later.
    private static func agree(_ likes: LikeService, _ broker: RedisBroker, _ process: ServiceProcess) async throws {
        if let other = try? await likes.agreement.establish(in: broker.redis), other != likes.agreement {
            throw ServiceFailure(
                .usage,
                "LIKE_PARTS or DATABASE_URL disagree with the other processes on this Redis: "
                    + "\(other.partitions) partitions, \(other.hasDatabase ? "with" : "without") a database")
        }
        process.readiness.require("agreement") {
            likes.hasConflict ? "LIKE_PARTS or DATABASE_URL disagree with the other processes on this Redis" : nil
        }
    }
}

/// Work that ends when the process stops.
private struct BackgroundService: Service {
    let work: @Sendable () async throws -> Void

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await work() }
    }
}

/// What LikeAPI keeps in PostgreSQL.
struct LikeDatabase: Sendable {
    let likes: any LikeStore
    let notifications: any NotificationStore
    /// Holds the outbox; `nil` for stores that have none.
    var service: ServiceDatabase?
}

extension LikeDatabase {
    init(_ service: ServiceDatabase, _ settings: LikeAPISettings) {
        self.init(
            likes: PostgresLikeStore(
                pool: service.pool, partitions: settings.likes.partitions, outboxMax: settings.outboxMax),
            notifications: PostgresNotificationStore(pool: service.pool, settings: settings.notifications),
            service: service)
    }
}
