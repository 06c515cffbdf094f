import Primitives
import RedisNIO
import TestSupport
import Testbed

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

func withRedisClient(
    database: String = "", settings: RedisClientSettings = makeClientSettings(),
    isolation: isolated (any Actor)? = #isolation, _ body: (Node, RedisClient) async throws -> Void
) async throws {
    try await withRedis { redis in
        try await withClient(redis.url + database, settings: settings) { try await body(redis, $0) }
    }
}

func withRedisSubscriber(
    settings change: (inout RedisSubscriberSettings) -> Void = { _ in },
    isolation: isolated (any Actor)? = #isolation,
    _ body: (Node, RedisSubscriber, RecordingSink) async throws -> Void
) async throws {
    try await withRedis { redis in
        try await withSubscriber(redis.url, settings: change) { try await body(redis, $0, $1) }
    }
}

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
        events.flatMap { event in if case .received(let messages) = event { messages } else { [RedisMessage]() } }
    }

    var subscribed: [String] {
        events.flatMap { event in if case .subscribed(let channels) = event { channels } else { [String]() } }
    }

    var losses: [RedisLoss] {
        events.compactMap { event in if case .lost(let reason) = event { reason } else { nil } }
    }

    private func record(_ event: Event) { recorded.withLock { $0.append(event) } }
    func connectionEstablished() { record(.established) }
    func subscribed(_ channels: [String]) { record(.subscribed(channels)) }
    func received(_ messages: [RedisMessage]) { record(.received(messages)) }
    func lost(_ channels: [String], _ reason: RedisLoss, isConnected: Bool) { record(.lost(reason)) }
}

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
