import CoreMetrics
import RedisNIO
import Synchronization
import Wire

/// Turns what a Redis subscriber hears into broker messages, and keeps the probe's own traffic to itself.
final class SinkAdapter: RedisSubscriptionSink {
    let probeChannel: String
    private let sink: any SubscriptionSink
    private let probe: Mutex<SubscriberProbe>
    private let metrics: BrokerMetrics

    init(sink: any SubscriptionSink, probeChannel: String, probe: SubscriberProbe, metrics: BrokerMetrics) {
        self.sink = sink
        self.probeChannel = probeChannel
        self.probe = Mutex(probe)
        self.metrics = metrics
    }

    func tick() -> SubscriberProbe.Action { probe.withLock { $0.tick(now: .now) } }

    func probeFailed(_ number: UInt64) { probe.withLock { $0.publishFailed(number, now: .now) } }

    func connectionEstablished() { sink.connectionEstablished() }

    func connectionLost(_ reason: RedisLoss) {
        probe.withLock { $0.connectionLost() }
        sink.connectionLost()
    }

    func subscribed(_ channels: [String]) {
        if channels.contains(probeChannel) { probe.withLock { $0.subscribed(now: .now) } }
        let own = channels.compactMap { Channel(name: $0) }
        if !own.isEmpty { sink.subscribed(own) }
    }

    func received(_ messages: [RedisMessage]) {
        var heard: [BrokerMessage] = []
        heard.reserveCapacity(messages.count)
        for message in messages {
            if let channel = Channel(name: message.channel),
                let event = BrokerMessage(channel: channel, frame: message.payload)
            {
                heard.append(event)
            } else {
                receivedOther(message)
            }
        }
        if !heard.isEmpty { sink.received(heard) }
    }

    private func receivedOther(_ message: RedisMessage) {
        guard message.channel == probeChannel else { return metrics.malformedMessages.increment() }
        let number = UInt64(String(decoding: message.payload, as: UTF8.self))
        if probe.withLock({ $0.received(number, now: .now) }) { metrics.probesReturned.increment() }
    }
}
