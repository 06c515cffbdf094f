import Metrics
import ServiceRuntime

/// Counts and times comments on their way through PostgreSQL to Redis.
struct CommentMetrics: Sendable {
    private let published: Counter
    private let unpublished: Counter
    private let storing: Timer
    private let publishing: Timer
    private let batch: Recorder

    init(_ registry: PrometheusRegistry) {
        registry.describe(
            "chorus_record_comments_published", "Stored comments that were sent to Redis to be published.")
        registry.describe("chorus_record_comments_left", "Stored comments that were left to the outbox sweep (202).")
        registry.describe("chorus_record_store_duration", "From a comment's request to its commit in PostgreSQL.")
        registry.describe("chorus_record_publish_duration", "Time of one pipeline of publish commands.")
        registry.describe("chorus_record_publish_batch", "Comments in one pipeline of publish commands.")
        published = Counter(label: "chorus_record_comments_published", factory: registry)
        unpublished = Counter(label: "chorus_record_comments_left", factory: registry)
        storing = Timer(label: "chorus_record_store_duration", factory: registry)
        publishing = Timer(label: "chorus_record_publish_duration", factory: registry)
        batch = Recorder(label: "chorus_record_publish_batch", aggregate: true, factory: registry)
    }

    func stored(since start: ContinuousClock.Instant) { storing.record(duration: ContinuousClock.now - start) }

    func published(_ count: Int, since start: ContinuousClock.Instant) {
        published.increment(by: count)
        batch.record(count)
        publishing.record(duration: ContinuousClock.now - start)
    }

    func left(_ count: Int) { unpublished.increment(by: count) }
}
