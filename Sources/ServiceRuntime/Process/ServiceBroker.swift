public import Broker
import Logging
import RedisNIO
public import ServiceLifecycle

/// The broker of a service: Redis, kept connected while the service runs, and a condition of its readiness.
public struct ServiceBroker: Service {
    public let broker: RedisBroker

    /// - Throws: ``ServiceFailure`` when the address of Redis cannot be used.
    public init(redis: RedisSettings, history: HistorySettings, process: ServiceProcess) throws {
        let endpoint: RedisEndpoint
        do {
            endpoint = try RedisEndpoint(parsing: redis.url.text)
        } catch {
            throw ServiceFailure(.usage, "REDIS_URL: \(error)")
        }
        var settings = RedisBrokerSettings()
        settings.instance = process.server.instance
        settings.historyLength = history.length
        settings.historyTTLSeconds = Int(history.timeToLive.components.seconds)
        settings.positionTTLSeconds = max(settings.positionTTLSeconds, settings.historyTTLSeconds)
        let broker = RedisBroker(endpoint: endpoint, settings: settings, logger: process.logger)
        self.broker = broker
        process.readiness.require("redis") { broker.isReady ? nil : "Redis is away" }
    }

    public func run() async throws {
        try await cancelWhenGracefulShutdown { try await broker.run() }
    }
}
