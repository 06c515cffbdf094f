import Broker
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Storage
import Wire

/// The record of one process: the archive for its requests, and what works behind them.
struct CommentRecord {
    let archive: RecordArchive
    /// The database, and what uses it, in the order of dependency.
    let services: [any Service]
    /// For the reports; a service of its own.
    let storedComments: StoredComments

    /// - Parameter tally: counts each comment that the outbox sweep published.
    init(
        _ database: ServiceDatabase, settings: OutboxSettings, broker: any EventLog, process: ServiceProcess,
        tally: CommentTally
    ) {
        let store = PostgresCommentStore(pool: database.pool)
        let metrics = RecordMetrics(process.metrics)
        let queue = PublishQueue(store: store, broker: broker, metrics: metrics)
        archive = RecordArchive(
            store: store, broker: broker, queue: queue, metrics: metrics, isReady: { database.isReady })
        let sweeper = OutboxSweeper(
            store: store, owner: "\(process.server.instance)-\(process.session)", settings: settings.sweeper,
            logger: process.logger,
            publish: OutboxPublisher(store: store, broker: broker, published: { tally.published(on: $0) }).publish)
        storedComments = StoredComments(store: store, database: database) { tally.latest() }
        services = [
            database, MarkService(store: store), queue,
            OutboxService(sweeper: sweeper, database: database),
            OutboxGauge(store: store, database: database, registry: process.metrics),
        ]
        process.metrics.gauge("chorus_record_publish_waiting", "Stored comments that wait to be published.") {
            Double(queue.count)
        }
        process.metrics.gauge("chorus_record_marks_waiting", "Places of published comments that wait to be recorded.") {
            Double(store.marksWaiting)
        }
    }
}

/// Writes the places of published comments, and answers those who have waited too long.
private struct MarkService: Service {
    let store: PostgresCommentStore

    func run() async throws {
        await cancelWhenGracefulShutdown { await store.run() }
    }
}
