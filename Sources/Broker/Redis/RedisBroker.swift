import CoreMetrics
public import Logging
import Placement
public import RedisNIO
import Synchronization
public import Wire

public import protocol NIOCore.EventLoopGroup
public import class NIOPosix.MultiThreadedEventLoopGroup

/// The ``Broker`` on one Redis (7.0 or newer).
///
/// Keys of a channel: `position:{<channel>}`, a string; `history:{<channel>}`, a stream whose ids are `<offset>-0`.
/// ``run()`` must run while it is used.
public final class RedisBroker: EventLog {
    private let endpoint: RedisEndpoint
    private let settings: RedisBrokerSettings
    private let group: any EventLoopGroup
    private let logger: Logger
    let client: RedisClient
    private let publishScript: PublishScript
    private let publishOnceScript: PublishScript
    private let metrics = BrokerMetrics()
    private let redisMetrics = RedisMetrics()
    private let acknowledged = Mutex(AcknowledgedPositions())
    /// Makes epochs; seeded by the system once, since asking it for each publish is a system call each.
    private let epochs: Mutex<SplitMix64>

    /// Channels or keys named in one command of the batched reads.
    private static let batchMax = 512

    public init(
        endpoint: RedisEndpoint, settings: RedisBrokerSettings = RedisBrokerSettings(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger
    ) {
        var settings = settings
        if settings.client.connection.name.isEmpty { settings.client.connection.name = "\(settings.instance):commands" }
        if settings.subscriber.name.isEmpty { settings.subscriber.name = "\(settings.instance):subscriber" }
        self.endpoint = endpoint
        self.settings = settings
        self.group = group
        self.logger = logger
        self.epochs = Mutex(SplitMix64(seed: UInt64.random(in: .min ... .max)))
        self.publishScript = PublishScript(settings: settings)
        self.publishOnceScript = PublishScript(settings: settings, prelude: HistoryScripts.publishOnce)
        self.client = RedisClient(
            endpoint: endpoint, settings: settings.client, group: group, logger: logger, metrics: redisMetrics)
    }

    /// Keeps the connections for commands; returns when the task is cancelled. Call it once.
    public func run() async throws {
        try await client.run()
    }

    public var isReady: Bool { client.isConnected }

    /// The connections for commands, for what else a service keeps in the same Redis.
    public var redis: RedisClient { client }

    public func makeSubscriber(_ sink: any SubscriptionSink) -> any BrokerSubscriber {
        RedisBrokerSubscriber(
            endpoint: endpoint, sink: sink, settings: settings, client: client, group: group, logger: logger,
            metrics: metrics, redisMetrics: redisMetrics)
    }
}

// MARK: Publishing

extension RedisBroker {
    public func publish(_ payload: [UInt8], to channel: Channel) async throws(BrokerError) -> Position {
        try requireFrameEnd(payload)
        let position = try await counted { () throws(RedisError) in
            let connection = try await client.connection()
            let call = call(publishScript, StreamEvent(channel: channel, payload: payload), connection)
            return try Self.position(in: await connection.evaluate(publishScript.script, call))
        }
        published(position, on: channel)
        return position
    }

    public func publish(contentsOf events: [StreamEvent]) async -> [Result<Position, BrokerError>] {
        do throws(BrokerError) {
            for event in events { try requireFrameEnd(event.payload) }
            let replies = try await counted { () throws(RedisError) in
                let connection = try await client.connection()
                // The first one brings the script along: if Redis does not know it, and another connection loads it
                // while this pipeline runs, the end of the pipeline would otherwise overtake its beginning.
                let calls = events.enumerated().map { call(publishScript, $1, connection, bySource: $0 == 0) }
                return try await connection.send(contentsOf: calls)
            }
            guard replies.count == events.count else {
                throw BrokerError(.internal, "a pipeline was answered with another number of replies")
            }
            return zip(events, replies).map { event, reply in result(reply, of: event) }
        } catch {
            return events.map { _ in .failure(error) }
        }
    }

    public func publishOnce(
        _ payload: [UInt8], to channel: Channel, unless keys: [EventKey]
    ) async throws(BrokerError) -> Position {
        try requireFrameEnd(payload)
        let position = try await counted { () throws(RedisError) in
            let connection = try await client.connection()
            var call = call(publishOnceScript, StreamEvent(channel: channel, payload: payload), connection)
            for key in keys {
                call.append(key.prefix)
                call.append(key.suffix)
            }
            return try Self.position(in: await connection.evaluate(publishOnceScript.script, call))
        }
        published(position, on: channel)
        return position
    }

    private func call(
        _ script: PublishScript, _ event: StreamEvent, _ connection: RedisConnection, bySource: Bool = false
    ) -> RedisCommand {
        script.call(
            event.payload, to: event.channel, freshEpoch: epochs.withLock { PositionRule.makeEpoch(using: &$0) },
            run: StoredPosition.run(of: connection.server), known: acknowledged.withLock { $0[event.channel] },
            bySource: bySource)
    }

    private static func position(in reply: RESPValue) throws(RedisError) -> Position {
        if case .failure(let error) = reply { throw error }
        guard let position = reply.text.flatMap({ Position(parsing: $0) }) else {
            throw RedisError(.protocolViolation, "the publish script answered no position")
        }
        return position
    }

    private func result(_ reply: RESPValue, of event: StreamEvent) -> Result<Position, BrokerError> {
        do throws(RedisError) {
            let position = try Self.position(in: reply)
            published(position, on: event.channel)
            return .success(position)
        } catch {
            let failure = BrokerError(error)
            metrics.failed(failure.code)
            return .failure(failure)
        }
    }

    private func published(_ position: Position, on channel: Channel) {
        acknowledged.withLock { $0.record(position, of: channel) }
        metrics.published.increment()
    }

    public func publishState(_ frame: [UInt8], to channel: Channel) async throws(BrokerError) {
        try requireFrameEnd(frame)
        _ = try await counted { () throws(RedisError) in
            var command = RedisCommand("PUBLISH", channel.name)
            command.append(frame)
            return try await client.send(command)
        }
        metrics.statesPublished.increment()
    }

    /// A frame without its closing empty line would run into the next one on every viewer's stream.
    private func requireFrameEnd(_ frame: [UInt8]) throws(BrokerError) {
        guard frame.suffix(2) == [0x0A, 0x0A] else {
            throw BrokerError(.internal, "a frame must end with an empty line")
        }
    }

    func counted<Value: Sendable>(
        _ body: () async throws(RedisError) -> Value
    ) async throws(BrokerError) -> Value {
        do throws(RedisError) {
            return try await body()
        } catch {
            let failure = BrokerError(error)
            metrics.failed(failure.code)
            throw failure
        }
    }
}

// MARK: Reading

extension RedisBroker {
    public func position(of channel: Channel) async throws(BrokerError) -> Position? {
        try await positions(of: [channel]).first ?? nil
    }

    public func positions(of channels: [Channel]) async throws(BrokerError) -> [Position?] {
        // MGET answers nil for a value of another type, where GET would fail.
        let values = try await batched(channels) { RedisCommand("MGET", $0.map(\.positionKey)) }
        guard values.count == channels.count else {
            throw BrokerError(.internal, "MGET answered another number of values")
        }
        return values.map { StoredPosition.position($0) }
    }

    public func history(
        of channel: Channel, after: UInt64, through: UInt64?, limit: Int
    ) async throws(BrokerError) -> HistoryPage {
        let query = HistoryQuery(channel: channel, after: after, through: through, limit: limit)
        let replies = try await counted { () throws(RedisError) in try await client.send(contentsOf: query.commands) }
        metrics.historyReads.increment()
        return try query.page(from: replies)
    }

    public func subscriptionCounts(of channels: [Channel]) async throws(BrokerError) -> [Int] {
        let values = try await batched(channels) { RedisCommand("PUBSUB", ["NUMSUB"] + $0.map(\.name)) }
        guard values.count == 2 * channels.count else {
            throw BrokerError(.internal, "PUBSUB NUMSUB answered another number of values")
        }
        return stride(from: 1, to: values.count, by: 2).map { Int(values[$0].integer ?? 0) }
    }

    /// Redis walks over all channels to find the probes among them: some milliseconds at 90,000 channels.
    public func subscribedChannelCount() async throws(BrokerError) -> Int {
        let replies = try await counted { () throws(RedisError) in
            try await client.send(contentsOf: [
                RedisCommand("INFO", "stats"), RedisCommand("PUBSUB", "CHANNELS", SubscriberProbe.channelPrefix + "*"),
            ])
        }
        let total = RedisInfo(replies.first?.text ?? "")["pubsub_channels"].flatMap { Int($0) }
        guard let total, let probes = replies.last?.array else {
            throw BrokerError(.internal, "Redis did not tell its number of channels")
        }
        return max(0, total - probes.count)
    }

    /// One command for each batch of channels, in pipelines of a few; the elements of all replies, in order.
    private func batched(
        _ channels: [Channel], _ command: ([Channel]) -> RedisCommand
    ) async throws(BrokerError) -> [RESPValue] {
        var values: [RESPValue] = []
        for start in stride(from: 0, to: channels.count, by: Self.batchMax) {
            let batch = Array(channels[start..<min(start + Self.batchMax, channels.count)])
            let reply = try await counted { () throws(RedisError) in try await client.send(command(batch)) }
            values += reply.array ?? []
        }
        return values
    }
}
