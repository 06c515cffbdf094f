import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Storage
import Synchronization

/// Looks every few seconds how much the outbox holds. All replicas see the same one.
final class OutboxGauge: Service {
    private static let interval: Duration = .seconds(5)

    private let store: any CommentStore
    private let database: ServiceDatabase
    private let depth = Mutex(OutboxDepth(count: 0, oldest: .zero))

    init(store: any CommentStore, database: ServiceDatabase, registry: PrometheusRegistry) {
        self.store = store
        self.database = database
        registry.gauge("chorus_outbox_depth", "Comments and removals stored and not known to be published.") {
            Double(self.depth.withLock { $0.count })
        }
        registry.gauge("chorus_outbox_oldest_seconds", "Age of the oldest of them: the outbox's lag.") {
            self.depth.withLock { $0.oldest } / .seconds(1)
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            guard await self.database.waitUntilMigrated() else { return }
            while !Task.isCancelled {
                // While the database is away the last value stands.
                if let now = try? await self.store.outboxDepth() { self.depth.withLock { $0 = now } }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}
