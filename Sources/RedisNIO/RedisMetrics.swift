public import CoreMetrics

/// What the driver counts. Handles are made once; a reason of a loss is one of a handful of codes.
public struct RedisMetrics: Sendable {
    /// Commands written to Redis.
    let commands: Counter
    /// Connections closed because a reply did not come in time.
    let timeouts: Counter
    /// Commands refused because the limit in flight was reached.
    let refused: Counter
    /// Connections that were made and logged in.
    let connected: Counter
    /// Attempts to connect or log in that failed.
    let connectFailures: Counter
    /// Messages that subscribers received.
    let messages: Counter
    /// Reads of subscribers that brought at least one message: messages per read shows how well batching works.
    let batches: Counter
    /// Channels named in SUBSCRIBE commands, repetitions after a reconnection included.
    let subscribes: Counter
    /// Channels that could not be wanted because the table was full.
    let subscribesRefused: Counter
    private let factory: any MetricsFactory

    public init(factory: any MetricsFactory = MetricsSystem.factory) {
        func counter(_ name: String) -> Counter { Counter(label: name, dimensions: [], factory: factory) }
        self.factory = factory
        commands = counter("chorus_redis_commands_total")
        timeouts = counter("chorus_redis_timeouts_total")
        refused = counter("chorus_redis_commands_refused_total")
        connected = counter("chorus_redis_connections_made_total")
        connectFailures = counter("chorus_redis_connect_failures_total")
        messages = counter("chorus_redis_messages_received_total")
        batches = counter("chorus_redis_message_batches_total")
        subscribes = counter("chorus_redis_subscribes_total")
        subscribesRefused = counter("chorus_redis_subscribes_refused_total")
    }

    /// Connections for commands that were given up because of an answer, by its code.
    func givenUp(_ code: RedisError.Code) {
        Counter(label: "chorus_redis_connections_given_up_total", dimensions: [("code", code.name)], factory: factory)
            .increment()
    }

    /// Subscriber connections lost, by reason.
    func lost(_ reason: RedisLoss) {
        let dimensions = [("reason", reason.rawValue)]
        Counter(label: "chorus_redis_subscriber_losses_total", dimensions: dimensions, factory: factory).increment()
    }
}
