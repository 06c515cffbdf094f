import CoreMetrics
import Logging
import Primitives
import RedisNIO
import Wire

/// A ``BrokerSubscriber`` on a Redis connection: turns messages of Redis into ones of the broker, and sends probes
/// through the connection, which its sink never sees.
final class RedisBrokerSubscriber: BrokerSubscriber, RedisSubscriptionSink {
    private let subscriber: RedisSubscriber
    private let sink: any SubscriptionSink
    private let settings: RedisBrokerSettings
    private let publisher: RedisClient
    private let logger: Logger
    private let metrics: BrokerMetrics
    private let names: ChannelNames
    private let probeChannel: String
    private let probe: Mutex<SubscriberProbe>

    /// - Parameter publisher: publishes the probes.
    init(
        _ subscriber: RedisSubscriber, sink: any SubscriptionSink, settings: RedisBrokerSettings, names: ChannelNames,
        publisher: RedisClient, logger: Logger, metrics: BrokerMetrics
    ) {
        self.subscriber = subscriber
        self.sink = sink
        self.settings = settings
        self.publisher = publisher
        self.logger = logger
        self.metrics = metrics
        self.names = names
        probeChannel = names.probe(of: settings.instance)
        probe = Mutex(SubscriberProbe(interval: settings.probeInterval, deadline: settings.probeDeadline))
    }

    @discardableResult
    func subscribe(_ channels: [Channel]) -> Bool {
        subscriber.subscribe(channels.map(names.name(of:)))
    }

    func unsubscribe(_ channels: [Channel]) {
        subscriber.unsubscribe(channels.map(names.name(of:)))
    }

    func run() async throws {
        subscriber.subscribe([probeChannel])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.subscriber.run(self) }
            group.addTask { await self.sendProbes() }
            try await group.waitForAll()
        }
    }

    private func sendProbes() async {
        // A fourth of the shorter time: a probe is at most that much later than the settings say.
        let step = max(.milliseconds(5), min(settings.probeInterval, settings.probeDeadline) / 4)
        while !Task.isCancelled {
            switch probe.withLock({ $0.tick(now: .now) }) {
            case .none: break
            case .publish(let number):
                let command = RedisCommand("PUBLISH", probeChannel, String(number))
                if (try? await publisher.send(command)) == nil {
                    probe.withLock { $0.publishFailed(number, now: .now) }
                }
            case .replace:
                metrics.probesMissing.increment()
                logger.warning("Redis subscriber is replaced: a probe did not come back")
                subscriber.dropConnection(.probeMissing)
            }
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: step)
        }
    }
}

// MARK: What the connection received

extension RedisBrokerSubscriber {
    func connectionEstablished() { sink.connectionEstablished() }

    func connectionLost(_ reason: RedisLoss) {
        probe.withLock { $0.connectionLost() }
        sink.connectionLost()
    }

    func subscribed(_ channels: [String]) {
        if channels.contains(probeChannel) { probe.withLock { $0.subscribed(now: .now) } }
        let own = channels.compactMap(names.channel(named:))
        if !own.isEmpty { sink.subscribed(own) }
    }

    func received(_ messages: [RedisMessage]) {
        var events: [BrokerMessage] = []
        events.reserveCapacity(messages.count)
        for message in messages {
            if let channel = names.channel(named: message.channel),
                let event = BrokerMessage(channel: channel, frame: message.payload)
            {
                events.append(event)
            } else {
                receivedOther(message)
            }
        }
        if !events.isEmpty { sink.received(events) }
    }

    private func receivedOther(_ message: RedisMessage) {
        guard message.channel == probeChannel else { return metrics.malformedMessages.increment() }
        let number = UInt64(String(decoding: message.payload, as: UTF8.self))
        if probe.withLock({ $0.received(number, now: .now) }) { metrics.probesReturned.increment() }
    }
}
