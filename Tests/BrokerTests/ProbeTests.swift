import RedisNIO
import TestSupport
import Testbed
import Testing

@testable import Broker

@Suite struct ProbeTests {
    private let start = ContinuousClock.now

    private func makeProbe() -> SubscriberProbe { SubscriberProbe(interval: .seconds(3), deadline: .seconds(2)) }
    private func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test func goesRoundWhileProbesComeBack() {
        var probe = makeProbe()
        var actions = [probe.tick(now: at(0))]
        probe.subscribed(now: at(0))
        actions.append(probe.tick(now: at(2)))
        actions.append(probe.tick(now: at(3)))
        let isFirst = probe.received(1, now: at(4))
        let isAgain = probe.received(1, now: at(4))
        actions.append(probe.tick(now: at(6)))
        actions.append(probe.tick(now: at(7)))
        #expect(actions == [.none, .none, .publish(1), .none, .publish(2)])
        #expect(isFirst && !isAgain)
    }

    @Test func aMissingProbeReplacesOnce() {
        var probe = makeProbe()
        probe.subscribed(now: at(0))
        let actions = [3, 4, 5, 20].map { probe.tick(now: at($0)) }
        #expect(actions == [.publish(1), .none, .replace, .none])
    }

    @Test func aProbeThatCouldNotBeSentProvesNothing() {
        var probe = makeProbe()
        probe.subscribed(now: at(0))
        _ = probe.tick(now: at(3))
        probe.publishFailed(1, now: at(3))
        let actions = [5, 6].map { probe.tick(now: at($0)) }
        #expect(actions == [.none, .publish(2)])
    }

    private func settings() -> RedisBrokerSettings {
        makeBrokerSettings { settings in
            settings.instance = "reader-1"
            settings.probeInterval = .milliseconds(50)
            settings.probeDeadline = .milliseconds(300)
        }
    }

    @Test func probesAreNotHeardByTheSinkAndNotCounted() async throws {
        try await withBroker(settings: settings()) { redis, broker in
            try await withSubscriber(broker, to: [video("v"), video("w")]) { sink in
                // Several probes have been published and returned by then.
                #expect(
                    await eventually {
                        let calls = try redis.command("INFO", "commandstats")
                        return calls.firstMatch(of: /cmdstat_publish:calls=(\d+)/).flatMap { Int($0.1) } ?? 0 >= 5
                    })
                #expect(sink.count(.lost) == 0 && sink.messages.isEmpty)
                #expect(try await broker.subscribedChannelCount() == 2)
                let counts = try await broker.subscriptionCounts(of: [video("v"), video("none"), video("w")])
                #expect(counts == [1, 0, 1])
            }
        }
    }

    /// Sentinels that watch a Redis talk to each other on a channel of it.
    @Test func theChannelOfSentinelsIsNotCounted() async throws {
        try await withBroker { redis, broker in
            try await withSubscriber(broker, to: [video("v")]) { _ in
                #expect(try await broker.subscribedChannelCount() == 1)
                let sentinel = RedisSubscriber(
                    endpoint: try RedisEndpoint(parsing: redis.url), settings: settings().subscriber,
                    logger: quietLogger)
                sentinel.subscribe(["__sentinel__:hello"])
                try await withBackground({ try? await sentinel.run(IgnoringSink()) }) {
                    let hasCome = await eventually {
                        try redis.command("PUBSUB", "NUMSUB", "__sentinel__:hello").contains("1")
                    }
                    let count = try await broker.subscribedChannelCount()
                    #expect(hasCome && count == 1)
                }
            }
        }
    }

    private final class IgnoringSink: RedisSubscriptionSink {
        func connectionEstablished() {}
        func subscribed(_ channels: [String]) {}
        func received(_ messages: [RedisMessage]) {}
        func lost(_ channels: [String], _ reason: RedisLoss, isConnected: Bool) {}
    }

    /// Commands go to one Redis and the subscription to another: alive, answering PING, and delivering nothing.
    @Test func aSubscriberThatHearsNothingIsReplaced() async throws {
        try await withRedis { redis in
            try await withRedis { deaf in
                try await withBroker(redis, settings: settings()) { broker in
                    let sink = RecordingSink()
                    let connection = RedisSubscriber(
                        endpoint: try RedisEndpoint(parsing: deaf.url), settings: settings().subscriber,
                        logger: quietLogger)
                    let subscriber = RedisBrokerSubscriber(
                        connection, sink: sink, settings: settings(), names: broker.names, publisher: broker.redis,
                        logger: quietLogger, metrics: BrokerMetrics())
                    try await withBackground({ try await subscriber.run() }) {
                        subscriber.subscribe([video("v")])
                        #expect(await eventually { sink.count(.lost) >= 2 })
                        #expect(await eventually { sink.subscribedChannels.count >= 3 })
                    }
                }
            }
        }
    }
}
