public import Broker
import Primitives
import RedisNIO
public import Testbed

/// Settings with short times, so that tests of faults are short.
public func makeBrokerSettings(_ change: (inout RedisBrokerSettings) -> Void = { _ in }) -> RedisBrokerSettings {
    var settings = RedisBrokerSettings()
    settings.client.backoff = Backoff(base: .milliseconds(5), cap: .milliseconds(50))
    settings.subscriber.backoff = Backoff(base: .milliseconds(5), cap: .milliseconds(50))
    settings.client.graceWait = .seconds(2)
    change(&settings)
    return settings
}

/// A running broker on `redis`, ready on entry.
public func withBroker<Value: Sendable>(
    _ redis: Node, settings: RedisBrokerSettings = makeBrokerSettings(),
    isolation: isolated (any Actor)? = #isolation, _ body: (RedisBroker) async throws -> Value
) async throws -> Value {
    try await withBroker(url: redis.url, settings: settings, body)
}

/// The same on whatever `url` names.
public func withBroker<Value: Sendable>(
    url: String, settings: RedisBrokerSettings = makeBrokerSettings(),
    isolation: isolated (any Actor)? = #isolation, _ body: (RedisBroker) async throws -> Value
) async throws -> Value {
    let broker = RedisBroker(endpoint: try RedisEndpoint(parsing: url), settings: settings, logger: quietLogger)
    return try await withBackground({ try await broker.run() }) {
        _ = await eventually { broker.isReady }
        return try await body(broker)
    }
}

/// The same on a Redis of its own.
public func withBroker<Value: Sendable>(
    _ options: RedisOptions = .init(), settings: RedisBrokerSettings = makeBrokerSettings(),
    isolation: isolated (any Actor)? = #isolation, _ body: (Node, RedisBroker) async throws -> Value
) async throws -> Value {
    try await withRedis(options) { redis in
        try await withBroker(redis, settings: settings) { broker in try await body(redis, broker) }
    }
}

/// Whether the first replica of a master has all that the master has.
public func isReplicated(_ master: Node) async throws -> Bool {
    let info = try await RedisProbe(master).info()
    return info["slave0"]?.contains("offset=\(info["master_repl_offset"] ?? "-"),") == true
}
