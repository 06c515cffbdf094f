import Logging
import PostgresLibpq
import ServiceLifecycle
import ServiceRuntime
import Storage
import Synchronization

/// The stores of the record.
struct RecordStores: Sendable {
    let likes: any LikeStore
    let notifications: any NotificationStore
}

/// PostgreSQL of this process: connected while it runs, and its schema brought up to date. The service starts without
/// it: likes go on, the stream carries them later.
struct RecordService: Service {
    let stores: RecordStores
    private let pool: PostgresPool
    private let logger: Logger

    init(configuration: PostgresConfiguration, window: Duration, process: ServiceProcess) {
        let pool = PostgresPool(configuration: configuration, logger: process.logger)
        var settings = NotificationSettings()
        settings.window = window
        self.pool = pool
        logger = process.logger
        stores = RecordStores(
            likes: PostgresLikeStore(pool: pool),
            notifications: PostgresNotificationStore(pool: pool, settings: settings))
        process.readiness.note("postgres") { pool.isReady ? nil : "PostgreSQL is away" }
    }

    func run() async throws {
        pool.start()
        do {
            try await cancelWhenGracefulShutdown { try await migrate() }
            try? await gracefulShutdown()
        } catch {
            await pool.stop()
            throw error
        }
        await pool.stop()
    }

    private func migrate() async throws {
        while !Task.isCancelled {
            do {
                let versions = try await Migrator().migrate(pool)
                return logger.info("the schema is up to date", metadata: ["migrated": "\(versions)"])
            } catch let error as MigrationError {
                throw ServiceFailure(.unavailable, "the schema of the record does not fit: \(error)")
            } catch {
                logger.warning("the schema cannot be checked yet", metadata: ["error": "\(error)"])
                // Cancelled while sleeping: the loop's condition ends it.
                try? await Task.sleep(for: .milliseconds(500))
            }
        }
    }
}
