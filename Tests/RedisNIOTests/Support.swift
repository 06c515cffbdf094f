import Primitives
import RedisNIO
import Synchronization
import TestSupport

func makeClientSettings(_ change: (inout RedisClientSettings) -> Void = { _ in }) -> RedisClientSettings {
    var settings = RedisClientSettings()
    settings.backoff = Backoff(base: .milliseconds(5), cap: .milliseconds(50))
    change(&settings)
    return settings
}

/// A running client; it is connected on entry when Redis lets it in within two seconds.
func withClient<Value: Sendable>(
    _ url: String, settings: RedisClientSettings = makeClientSettings(), isolation: isolated (any Actor)? = #isolation,
    _ body: (RedisClient) async throws -> Value
) async throws -> Value {
    let client = RedisClient(endpoint: try RedisEndpoint(parsing: url), settings: settings, logger: quietLogger)
    return try await withBackground({ try await client.run() }) {
        _ = await eventually(within: 2) { client.isConnected }
        return try await body(client)
    }
}

/// Records what a subscriber hands over.
final class RecordingSink: RedisSubscriptionSink {
    enum Event: Equatable {
        case established
        case subscribed([String])
        case received([RedisMessage])
        case lost(RedisLoss)
    }

    private let recorded = Mutex<[Event]>([])

    var events: [Event] { recorded.withLock { $0 } }

    var messages: [RedisMessage] {
        events.flatMap { event -> [RedisMessage] in
            if case .received(let messages) = event { return messages }
            return []
        }
    }

    var subscribed: [String] {
        events.flatMap { event -> [String] in
            if case .subscribed(let channels) = event { return channels }
            return []
        }
    }

    var losses: [RedisLoss] {
        events.compactMap { event in if case .lost(let reason) = event { reason } else { nil } }
    }

    private func record(_ event: Event) { recorded.withLock { $0.append(event) } }

    func connectionEstablished() { record(.established) }
    func subscribed(_ channels: [String]) { record(.subscribed(channels)) }
    func received(_ messages: [RedisMessage]) { record(.received(messages)) }
    func connectionLost(_ reason: RedisLoss) { record(.lost(reason)) }
}

/// A running subscriber, connected on entry.
func withSubscriber<Value: Sendable>(
    _ url: String, settings change: (inout RedisSubscriberSettings) -> Void = { _ in },
    isolation: isolated (any Actor)? = #isolation,
    _ body: (RedisSubscriber, RecordingSink) async throws -> Value
) async throws -> Value {
    var settings = RedisSubscriberSettings()
    settings.backoff = Backoff(base: .milliseconds(5), cap: .milliseconds(50))
    change(&settings)
    let sink = RecordingSink()
    let subscriber = RedisSubscriber(endpoint: try RedisEndpoint(parsing: url), settings: settings, logger: quietLogger)
    return try await withBackground({ try await subscriber.run(sink) }) {
        _ = await eventually { subscriber.isConnected }
        return try await body(subscriber, sink)
    }
}
