public import Broker
import Identity
import Logging
import RedisNIO
public import ServiceLifecycle

/// The broker of a service: Redis, connected while the service runs. It is the first in the list of services.
public struct ServiceBroker: Service {
    public let broker: RedisBroker
    /// `nil` where nobody has a token.
    private let revocations: RevocationFeed?

    /// - Parameters:
    ///   - history: `nil` for a service that does not publish.
    ///   - isRequired: whether the service is not ready while Redis is away; else the probe only notes it.
    ///   - needsWrites: whether the service is not ready either while Redis refuses writes. Without it a read-only replica
    ///     is as good as a master.
    public init(
        redis: RedisSettings, history: HistorySettings? = nil, process: ServiceProcess, isRequired: Bool = true,
        needsWrites: Bool = false
    ) {
        var settings = RedisBrokerSettings()
        settings.instance = process.server.instance
        settings.namespace = redis.namespace
        settings.client.connection.needsWrites = needsWrites
        if let history {
            settings.historyLength = history.length
            settings.replicasAck = history.replicasAck
            settings.historyTTLSeconds = Int(history.timeToLive.components.seconds)
            settings.positionTTLSeconds = max(settings.positionTTLSeconds, settings.historyTTLSeconds)
        }
        let broker = RedisBroker(endpoint: redis.endpoint, settings: settings, logger: process.logger)
        self.broker = broker
        process.access.use(RateLimiter(redis: broker.redis, factory: process.metrics))
        revocations =
            process.server.access.mode == .off
            ? nil
            : RevocationFeed(redis: broker.redis, authenticator: process.access.authenticator, logger: process.logger)
        let reason: @Sendable () -> String? = { broker.redis.trouble.map(Self.reason) }
        let check = isRequired ? process.readiness.require : process.readiness.note
        check("redis", reason)
        if let revocations {
            check("revocations") { revocations.isCurrent ? nil : "what was revoked has not been read yet" }
        }
    }

    /// Throws a ``ServiceFailure`` when Redis is a server that no setting of it can make usable.
    public func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                async let reading: Void? = revocations?.run()
                try await broker.run()
                _ = await reading
            }
        } catch let error as RedisError where error.code == .unsupported {
            throw ServiceFailure(.usage, "REDIS_URL: \(error.message)")
        }
    }

    /// Why the service is not ready, without what only the log may hold.
    static func reason(_ trouble: RedisError) -> String {
        switch trouble.code {
        case .reply("READONLY"): "Redis is a read-only replica"
        case .reply("LOADING"): "Redis is loading its data"
        case .reply("MASTERDOWN"): "Redis is a replica without its master"
        case .reply("MISCONF"), .reply("NOREPLICAS"), .reply("OOM"): "Redis refuses writes: \(trouble.code.name)"
        default: "Redis is away"
        }
    }
}

extension RedisSettings {
    /// What the channels of this deployment are called in Redis.
    public var channelNames: ChannelNames {
        ChannelNames(namespace: namespace ?? ChannelNames.namespace(ofDatabase: endpoint.database))
    }
}
