import CoreMetrics
public import Logging
public import NIOCore
public import NIOPosix
import Primitives
import Synchronization

/// One connection in subscribe mode, renewed while ``run()`` runs. Everything it hears goes to its sink.
public final class RedisSubscriber: Sendable {
    public let endpoint: RedisEndpoint
    private let settings: RedisSubscriberSettings
    private let group: any EventLoopGroup
    private let logger: Logger
    private let metrics: RedisMetrics
    private let sink: any RedisSubscriptionSink
    private let link: SubscriberLink

    public init(
        endpoint: RedisEndpoint, sink: any RedisSubscriptionSink,
        settings: RedisSubscriberSettings = RedisSubscriberSettings(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger,
        metrics: RedisMetrics = RedisMetrics()
    ) {
        self.endpoint = endpoint
        self.sink = sink
        self.settings = settings
        // One loop for the object's life: the sink hears a connection's end and the next one's begin from one thread.
        self.group = group.next()
        self.logger = logger
        self.metrics = metrics
        self.link = SubscriberLink(channelsMax: settings.channelsMax)
    }

    public var isConnected: Bool { link.isConnected }

    /// How many channels are wanted now.
    public var wantedCount: Int { link.withTable { $0.wantedCount } }

    /// Wants the channels; returns at once. `false`: the table is full, and none of them was taken.
    @discardableResult
    public func subscribe(_ channels: [String]) -> Bool {
        let isTaken = link.change { $0.subscribe(channels) }
        if !isTaken { metrics.subscribesRefused.increment(by: channels.count) }
        return isTaken
    }

    /// Wants the channels no longer; returns at once.
    public func unsubscribe(_ channels: [String]) {
        link.change { $0.unsubscribe(channels) }
    }

    /// Ends the connection that stands; ``run()`` makes a new one. For probes, tests and drills.
    public func dropConnection(_ reason: RedisLoss = .dropped) {
        link.drop(reason)
    }

    /// Keeps the connection; returns when the task is cancelled, with the connection closed. Call it once.
    public func run() async throws {
        var backoff = settings.backoff
        var random = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            let began = ContinuousClock.now
            await connectAndWait()
            if ContinuousClock.now - began >= settings.stableAfter { backoff.reset() }
            // Cancelled while sleeping: the loop's condition ends it.
            try? await Task.sleep(for: backoff.next(using: &random))
        }
    }

    private func connectAndWait() async {
        let end = EndReason()
        do {
            let channel = try await connect(end)
            await withTaskCancellationHandler {
                // The future carries no news besides the end itself.
                _ = try? await channel.closeFuture.get()
            } onCancel: {
                channel.write(SubscriberHandler.Signal.drop(.shutDown), promise: nil)
            }
            let (loss, error) = end.value
            guard loss != .shutDown else { return }
            logger.warning(
                "Redis subscriber lost its connection",
                metadata: [
                    "redis.endpoint": "\(endpoint)", "redis.reason": "\(loss.rawValue)",
                    "redis.error": "\(error.map(\.description) ?? "")",
                ])
        } catch {
            metrics.connectFailures.increment()
            logger.warning(
                "Redis subscriber cannot connect",
                metadata: ["redis.endpoint": "\(endpoint)", "redis.error": "\(error)"])
        }
    }

    private func connect(_ end: EndReason) async throws -> any Channel {
        // PING is refused while Redis loads its data: then it is too early to subscribe.
        let login = Login(endpoint: endpoint, name: settings.name).commands + [RedisCommand("PING")]
        return try await ClientBootstrap.redis(group, timeout: TimeAmount(settings.connectTimeout))
            .channelInitializer { [link, sink, settings, metrics] channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = try SubscriberHandler(
                        link: link, sink: sink, login: login, settings: settings, metrics: metrics,
                        ended: { loss, error in end.set(loss, error) })
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(host: endpoint.host, port: endpoint.port).get()
    }
}

/// Carries the reason of a connection's end from its event loop to `run()`.
private final class EndReason: Sendable {
    private let state = Mutex<(RedisLoss, RedisError?)>((.closed, nil))

    var value: (RedisLoss, RedisError?) { state.withLock { $0 } }

    func set(_ loss: RedisLoss, _ error: RedisError?) {
        state.withLock { $0 = (loss, error) }
    }
}
