public import Broker
import Logging
import RedisNIO
public import ServiceLifecycle

/// The broker of a service: Redis, connected while the service runs. It is the first in the list of services.
public struct ServiceBroker: Service {
    public let broker: RedisBroker

    /// - Parameters:
    ///   - history: `nil` for a service that does not publish.
    ///   - isRequired: whether the service is not ready while Redis is away; else the probe only notes it.
    public init(
        redis: RedisSettings, history: HistorySettings? = nil, process: ServiceProcess, isRequired: Bool = true
    ) {
        var settings = RedisBrokerSettings()
        settings.instance = process.server.instance
        if let history {
            settings.historyLength = history.length
            settings.historyTTLSeconds = Int(history.timeToLive.components.seconds)
            settings.positionTTLSeconds = max(settings.positionTTLSeconds, settings.historyTTLSeconds)
        }
        let broker = RedisBroker(endpoint: redis.endpoint, settings: settings, logger: process.logger)
        self.broker = broker
        let reason: @Sendable () -> String? = { broker.isReady ? nil : "Redis is away" }
        isRequired
            ? process.readiness.require("redis", reason: reason) : process.readiness.note("redis", reason: reason)
    }

    public func run() async throws {
        try await cancelWhenGracefulShutdown { try await broker.run() }
    }
}
