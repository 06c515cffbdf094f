import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Storage

/// Runs the outbox sweep while the process runs, from the moment the schema is there.
struct OutboxService: Service {
    let sweeper: OutboxSweeper
    let database: ServiceDatabase

    func run() async throws {
        await cancelWhenGracefulShutdown {
            guard await database.waitUntilMigrated() else { return }
            await sweeper.run()
        }
    }
}
