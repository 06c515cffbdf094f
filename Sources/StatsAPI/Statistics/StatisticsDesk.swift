import Primitives
import ServiceRuntime
import Synchronization
import Wire

/// Keeps what was reported, for requests of any thread.
final class StatisticsDesk: Sendable {
    private let aggregate = Mutex(Aggregate())
    private let redis: RedisCensus
    private let start = ContinuousClock.now

    init(redis: RedisCensus) {
        self.redis = redis
    }

    func accept(_ report: CommentAPIReport) -> ReportAcknowledgement {
        aggregate.withLock { $0.accept(report, at: elapsed) }
    }

    func accept(_ report: ReaderReport) -> ReportAcknowledgement {
        aggregate.withLock { $0.accept(report, at: elapsed) }
    }

    func accept(_ report: ClientReport) -> ReportAcknowledgement {
        aggregate.withLock { $0.accept(report, at: elapsed) }
    }

    /// Everything, with Redis's own counts where it answers in time.
    func statistics(full: Bool) async -> Statistics {
        let names = aggregate.withLock { $0.subscribedChannelNames() }
        let count = await redis.count(names)
        let timestamp = Timestamp.text(millisecondsSinceEpoch: WallClock.milliseconds())
        let outside = Aggregate.Outside(
            redisSubscriptions: count?.subscriptions, redisChannels: count?.channels)
        return aggregate.withLock { $0.statistics(at: elapsed, timestamp: timestamp, full: full, outside: outside) }
    }

    /// Since this process began: a clock that does not go back.
    private var elapsed: Duration { ContinuousClock.now - start }
}
