import Hummingbird
import Primitives
import ServiceRuntime
import Wire

/// The aggregate of all reports, behind a lock, and Redis's own counts.
final class StatisticsService: Sendable {
    private let aggregate = Mutex(Aggregate())
    private let redis: RedisCounts
    private let renderings = SharedRenderings()
    private let fullRenderings = SharedRenderings()
    private let start = ContinuousClock.now

    init(redis: RedisCounts) {
        self.redis = redis
    }

    func accept(_ report: CommentAPIReport) -> ReportAcknowledgement {
        aggregate.withLock { $0.accept(report, at: elapsed) }
    }

    func accept(_ report: ReaderReport) -> ReportAcknowledgement {
        aggregate.withLock { $0.accept(report, at: elapsed) }
    }

    func accept(_ report: LikeReport) -> ReportAcknowledgement {
        aggregate.withLock { $0.accept(report, at: elapsed) }
    }

    func accept(_ report: ClientReport) -> ReportAcknowledgement {
        aggregate.withLock { $0.accept(report, at: elapsed) }
    }

    /// The answer to `GET /statistics`, with Redis's own counts if it answers in time. JSON.
    func statistics(full: Bool) async throws -> Rendering {
        try await (full ? fullRenderings : renderings).next { [self] in
            let count = await redis.count { aggregate.withLock { $0.subscribedChannelNames() } }
            let timestamp = Timestamp.text(millisecondsSinceEpoch: WallClock.milliseconds())
            return try Response.encoded(
                aggregate.withLock { $0.statistics(at: elapsed, timestamp: timestamp, full: full, redis: count) })
        }
    }

    /// Something of the aggregate at this moment.
    func withAggregate<Result>(_ body: (inout sending Aggregate, Duration) throws -> sending Result) rethrows
        -> sending Result
    {
        try aggregate.withLock { try body(&$0, elapsed) }
    }

    /// Since the start of this process, by a clock that does not go back.
    private var elapsed: Duration { ContinuousClock.now - start }
}
