import CoreMetrics
import Logging
import Primitives
import RedisNIO
import Wire

/// A ``BrokerSubscriber`` on Redis: turns messages of Redis into ones of the broker, and sends probes through the connection
/// to each server, which its sink never sees.
final class RedisBrokerSubscriber: BrokerSubscriber, RedisSubscriptionSink {
    private let subscriber: any RedisSubscriptions
    private let sink: any SubscriptionSink
    private let settings: RedisBrokerSettings
    private let publisher: RedisClient
    private let logger: Logger
    private let metrics: BrokerMetrics
    private let names: ChannelNames
    /// By the channel of each server's probe.
    private let probes = Mutex<[String: SubscriberProbe]>([:])

    /// - Parameter publisher: publishes the probes.
    init(
        _ subscriber: any RedisSubscriptions, sink: any SubscriptionSink, settings: RedisBrokerSettings,
        names: ChannelNames,
        publisher: RedisClient, logger: Logger, metrics: BrokerMetrics
    ) {
        self.subscriber = subscriber
        self.sink = sink
        self.settings = settings
        self.publisher = publisher
        self.logger = logger
        self.metrics = metrics
        self.names = names
    }

    @discardableResult
    func subscribe(_ channels: [Channel]) -> Bool {
        subscriber.subscribe(channels.map(names.name(of:)))
    }

    func unsubscribe(_ channels: [Channel]) {
        subscriber.unsubscribe(channels.map(names.name(of:)))
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.subscriber.run(self) }
            group.addTask { await self.sendProbes() }
            try await group.waitForAll()
        }
    }

    private func sendProbes() async {
        // A fourth of the shorter time: a probe is at most that much later than the settings say.
        let step = max(.milliseconds(5), min(settings.probeInterval, settings.probeDeadline) / 4)
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                chooseProbes()
                for (channel, action) in probes.withLock({ Self.tick(&$0) }) {
                    switch action {
                    case .none: break
                    // A server that hangs does not hold up the probes of the others.
                    case .publish(let number): group.addTask { await self.send(number, to: channel) }
                    case .replace:
                        metrics.probesMissing.increment()
                        logger.warning("Redis subscriber is replaced: a probe did not come back")
                        subscriber.dropConnection(of: channel, .probeMissing)
                    }
                }
                // Cancelled while sleeping: the loop's condition ends it.
                try? await Task.sleep(for: step)
            }
        }
    }

    private static func tick(_ probes: inout [String: SubscriberProbe]) -> [(String, SubscriberProbe.Action)] {
        let now = ContinuousClock.now
        return probes.keys.map { ($0, probes[$0]?.tick(now: now) ?? .none) }
    }

    /// A probe for each server that there is now.
    private func chooseProbes() {
        let wanted = publisher.channels(onEachServer: names.probe(of: settings.instance))
        let (new, old) = probes.withLock { probes in
            let new = wanted.filter { probes[$0] == nil }
            let old = probes.keys.filter { !wanted.contains($0) }
            for channel in old { probes[channel] = nil }
            for channel in new {
                probes[channel] = SubscriberProbe(interval: settings.probeInterval, deadline: settings.probeDeadline)
            }
            return (new, old)
        }
        if !old.isEmpty { subscriber.unsubscribe(old) }
        if !new.isEmpty { subscriber.subscribe(new) }
    }

    private func send(_ number: UInt64, to channel: String) async {
        let command = RedisCommand(publisher.hasShards ? "SPUBLISH" : "PUBLISH", channel, String(number))
        if (try? await publisher.send(command)) == nil {
            probes.withLock { $0[channel]?.publishFailed(number, now: .now) }
        }
    }
}

// MARK: What the connection received

extension RedisBrokerSubscriber {
    func connectionEstablished() { sink.connectionEstablished() }

    func lost(_ channels: [String], _ reason: RedisLoss, isConnected: Bool) {
        probes.withLock { probes in
            for channel in channels { probes[channel]?.connectionLost() }
        }
        let own = channels.compactMap(names.channel(named:))
        if !own.isEmpty || !isConnected { sink.lost(own, isConnected: isConnected) }
    }

    func subscribed(_ channels: [String]) {
        probes.withLock { probes in
            for channel in channels { probes[channel]?.subscribed(now: .now) }
        }
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
        let isReturned = probes.withLock { probes -> Bool? in
            guard probes[message.channel] != nil else { return nil }
            let number = UInt64(String(decoding: message.payload, as: UTF8.self))
            return probes[message.channel]?.received(number, now: .now)
        }
        switch isReturned {
        case true: metrics.probesReturned.increment()
        case nil: metrics.malformedMessages.increment()
        case false: break
        }
    }
}
