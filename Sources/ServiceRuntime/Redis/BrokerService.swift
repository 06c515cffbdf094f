public import Broker
public import ServiceLifecycle

/// A ``Broker/RedisBroker`` as a service: connected until the group stops. It stands first in a service's list.
public struct BrokerService: Service {
    public let broker: RedisBroker

    public init(_ broker: RedisBroker) {
        self.broker = broker
    }

    public func run() async throws {
        try await cancelWhenGracefulShutdown { try await broker.run() }
    }
}

extension ServiceProcess {
    /// A broker on Redis whose connections bear the name of this process. Its ``BrokerService`` must run.
    public func makeRedisBroker(_ redis: RedisSettings, history: HistorySettings? = nil) -> RedisBroker {
        var settings = RedisBrokerSettings()
        settings.instance = server.instance
        if let history {
            settings.historyLength = history.length
            settings.historyTTLSeconds = history.timeToLiveSeconds
            settings.positionTTLSeconds = max(settings.positionTTLSeconds, history.timeToLiveSeconds)
        }
        return RedisBroker(endpoint: redis.endpoint, settings: settings, logger: logger)
    }
}
