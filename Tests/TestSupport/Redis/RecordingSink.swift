public import Broker
import Primitives
public import Wire

/// Records what a subscriber hands over.
public final class RecordingSink: SubscriptionSink {
    public enum Event: Equatable, Sendable {
        case established
        case subscribed([Channel])
        case received([BrokerMessage])
        case lost
    }

    private let recorded = Mutex<[(event: Event, at: ContinuousClock.Instant)]>([])
    private let lostChannels = Mutex<[Channel]>([])
    /// Runs within `received`, on the subscriber's loop.
    private let onReceived: (@Sendable ([BrokerMessage]) -> Void)?

    public init(onReceived: (@Sendable ([BrokerMessage]) -> Void)? = nil) {
        self.onReceived = onReceived
    }

    public var events: [Event] { recorded.withLock { $0.map(\.event) } }
    public var messages: [BrokerMessage] {
        events.flatMap { event -> [BrokerMessage] in if case .received(let messages) = event { messages } else { [] } }
    }
    public var subscribedChannels: [Channel] {
        events.flatMap { event -> [Channel] in if case .subscribed(let channels) = event { channels } else { [] } }
    }
    /// From the first message to the last.
    public var duration: Duration {
        let times = recorded.withLock { $0.compactMap { if case .received = $0.event { $0.at } else { nil } } }
        return times.isEmpty ? .zero : times[times.count - 1] - times[0]
    }

    /// Of which the subscriber said that messages may be missing.
    public var lost: [Channel] { lostChannels.withLock { $0 } }

    public func count(_ event: Event) -> Int { events.count { $0 == event } }

    private func record(_ event: Event) { recorded.withLock { $0.append((event, .now)) } }

    public func connectionEstablished() { record(.established) }
    public func subscribed(_ channels: [Channel]) { record(.subscribed(channels)) }
    public func received(_ messages: [BrokerMessage]) {
        record(.received(messages))
        onReceived?(messages)
    }
    public func lost(_ channels: [Channel], isConnected: Bool) {
        record(.lost)
        lostChannels.withLock { $0 += channels }
    }
}

private struct NotSubscribed: Error {}

/// A subscriber that runs and is subscribed to the channels on entry.
public func withSubscriber<Value: Sendable>(
    _ broker: RedisBroker, to channels: [Channel], isolation: isolated (any Actor)? = #isolation,
    _ body: (RecordingSink) async throws -> Value
) async throws -> Value {
    let sink = RecordingSink()
    let subscriber = broker.makeSubscriber(sink)
    subscriber.subscribe(channels)
    return try await withBackground({ try await subscriber.run() }) {
        guard await eventually({ Set(sink.subscribedChannels) == Set(channels) }) else { throw NotSubscribed() }
        return try await body(sink)
    }
}
