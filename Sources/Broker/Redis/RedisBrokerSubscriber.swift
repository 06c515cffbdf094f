import CoreMetrics
import Logging
import RedisNIO
import Wire

import protocol NIOCore.EventLoopGroup

/// A ``BrokerSubscriber`` on a Redis connection, which it also probes.
final class RedisBrokerSubscriber: BrokerSubscriber {
    private let adapter: SinkAdapter
    private let subscriber: RedisSubscriber
    private let client: RedisClient
    private let settings: RedisBrokerSettings
    private let logger: Logger
    private let metrics: BrokerMetrics

    init(
        endpoint: RedisEndpoint, sink: any SubscriptionSink, settings: RedisBrokerSettings, client: RedisClient,
        group: any EventLoopGroup, logger: Logger, metrics: BrokerMetrics, redisMetrics: RedisMetrics
    ) {
        let probe = SubscriberProbe(interval: settings.probeInterval, deadline: settings.probeDeadline)
        adapter = SinkAdapter(
            sink: sink, probeChannel: SubscriberProbe.channelPrefix + settings.instance, probe: probe, metrics: metrics)
        subscriber = RedisSubscriber(
            endpoint: endpoint, sink: adapter, settings: settings.subscriber, group: group, logger: logger,
            metrics: redisMetrics)
        self.client = client
        self.settings = settings
        self.logger = logger
        self.metrics = metrics
    }

    @discardableResult
    func subscribe(_ channels: [Channel]) -> Bool {
        subscriber.subscribe(channels.map(\.name))
    }

    func unsubscribe(_ channels: [Channel]) {
        subscriber.unsubscribe(channels.map(\.name))
    }

    func run() async throws {
        subscriber.subscribe([adapter.probeChannel])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.subscriber.run() }
            group.addTask { await self.runProbe() }
            try await group.waitForAll()
        }
    }

    private func runProbe() async {
        // A fourth of the shorter time: a probe is at most that much later than the settings say.
        let step = max(.milliseconds(5), min(settings.probeInterval, settings.probeDeadline) / 4)
        while !Task.isCancelled {
            switch adapter.tick() {
            case .none: break
            case .publish(let number): await publishProbe(number)
            case .replace:
                metrics.probesMissing.increment()
                logger.warning("Redis subscriber is replaced: a probe did not come back")
                subscriber.dropConnection(.probeMissing)
            }
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: step)
        }
    }

    private func publishProbe(_ number: UInt64) async {
        do throws(RedisError) {
            _ = try await client.send(RedisCommand("PUBLISH", adapter.probeChannel, String(number)))
        } catch {
            adapter.probeFailed(number)
        }
    }
}
