import CoreMetrics
public import Logging
import Placement
import Primitives
public import RedisNIO
public import Wire

public import protocol NIOCore.EventLoopGroup
public import class NIOPosix.MultiThreadedEventLoopGroup

/// Settings of a ``RedisBroker``.
public struct RedisBrokerSettings: Sendable {
    /// The entries kept of one channel, 1 or more; Redis trims in whole nodes, so up to about a hundred more stay.
    public var historyLength = 1000
    /// Seconds after the last event of a channel until its history expires, 1 or more.
    public var historyTTLSeconds = 3600
    /// Seconds after the last event of a channel until its position is forgotten and a new epoch begins; not less
    /// than `historyTTLSeconds`. Much longer than the history: viewers of a silent channel still hold the position.
    public var positionTTLSeconds = 86_400
    /// Names the connections in `CLIENT LIST` and the probe channel `probe:<instance>`; unique among processes.
    public var instance = "chorus"
    /// Stands in front of the names of all channels in Redis, see ``ChannelNames``; `nil`: what follows from the database.
    public var namespace: String?
    /// Time from one probe of the subscriber connection to the next.
    public var probeInterval: Duration = .seconds(3)
    /// A probe that has not come back after this time costs the subscriber its connection.
    public var probeDeadline: Duration = .seconds(3)
    /// Replicas that have an event before it counts as published; 0: none.
    public var replicasAck = 0
    /// How long they are waited for.
    public var replicasWait: Duration = .milliseconds(500)
    public var client = RedisClientSettings()
    public var subscriber = RedisSubscriberSettings()

    public init() {}
}

/// The ``Broker`` on Redis (7.0 or newer): one server, or a cluster, where everything of a channel is on one node.
///
/// Keys of a channel: `position:{<channel>}`, a string; `history:{<channel>}`, a stream whose ids are `<offset>-0`;
/// `names:{<channel>}`, a sorted set of names with their events' offsets as scores.
/// ``run()`` must run while it is used.
public final class RedisBroker: EventLog {
    /// What publishing remembers.
    struct Memory {
        /// Makes epochs; seeded by the system once, since asking it for each publish is a system call each.
        var epochs = SplitMix64(seed: UInt64.random(in: .min ... .max))
        var acknowledged = AcknowledgedPositions()
    }

    let settings: RedisBrokerSettings
    private let logger: Logger
    private let redisMetrics = RedisMetrics()
    let metrics = BrokerMetrics()
    let memory = Mutex(Memory())
    let names: ChannelNames
    let publishScript: RedisScript
    let publishOnceScript: RedisScript
    let publishNamedScript: RedisScript
    /// The connections for commands, for what else a service keeps in the same Redis.
    public let redis: RedisClient

    /// Channels or keys named in one command of the batched reads.
    private static let batchMax = 512

    public init(
        endpoint: RedisEndpoint, settings: RedisBrokerSettings = RedisBrokerSettings(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger
    ) {
        var settings = settings
        if settings.client.connection.name.isEmpty { settings.client.connection.name = "\(settings.instance):commands" }
        if settings.subscriber.name.isEmpty { settings.subscriber.name = "\(settings.instance):subscriber" }
        self.settings = settings
        self.logger = logger
        names = ChannelNames(
            namespace: settings.namespace ?? ChannelNames.namespace(ofDatabase: endpoint.database))
        func script(prelude: String = "", epilogue: String = "") -> RedisScript {
            PublishScript.make(
                settings, isSharded: endpoint.deployment == .cluster,
                mayLose: endpoint.deployment != .server && settings.replicasAck == 0, prelude: prelude,
                epilogue: epilogue)
        }
        publishScript = script()
        publishOnceScript = script(prelude: HistoryScripts.publishOnce)
        publishNamedScript = script(prelude: HistoryScripts.findNamed, epilogue: HistoryScripts.addName)
        redis = RedisClient(
            endpoint: endpoint, settings: settings.client, group: group, logger: logger, metrics: redisMetrics)
    }

    /// Keeps the connections for commands; returns when the task is cancelled. Call it once.
    ///
    /// - Throws: ``RedisError`` `unsupported` when the server is of another kind than the endpoint says.
    public func run() async throws {
        try await redis.run()
    }

    public var isReady: Bool { redis.trouble == nil }

    public func makeSubscriber(_ sink: any SubscriptionSink) -> any BrokerSubscriber {
        RedisBrokerSubscriber(
            redis.makeSubscriber(settings.subscriber), sink: sink, settings: settings, names: names, publisher: redis,
            logger: logger, metrics: metrics)
    }

    /// Counts failures by code.
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
        // One command a channel, and so each to its own node.
        let values = try await batched(channels) { RedisCommand("GET", $0.positionKey) }
        return try values.map { value throws(BrokerError) in
            // A value of another type is no position.
            if let failure = value.failure, failure.code != .reply("WRONGTYPE") { throw BrokerError(failure) }
            return StoredPosition.position(value)
        }
    }

    public func history(
        of channel: Channel, after: UInt64, through: UInt64?, limit: Int
    ) async throws(BrokerError) -> HistoryPage {
        let query = HistoryQuery(channel: channel, after: after, through: through, limit: limit)
        let replies = try await counted { () throws(RedisError) in try await redis.send(contentsOf: query.commands) }
        metrics.historyReads.increment()
        var page = try query.page(from: replies)
        if let position = page.position, position.offset < after {
            let replies = try await counted { () throws(RedisError) in
                try await redis.send(contentsOf: query.continuityCommands)
            }
            page.continuesHere = query.continues(from: position, replies)
        }
        return page
    }

    public func latest(
        of channel: Channel, before: UInt64?, limit: Int
    ) async throws(BrokerError) -> [PlacedEvent] {
        let query = LatestQuery(channel: channel, before: before, limit: limit)
        return try query.page(
            from: await counted { () throws(RedisError) in try await redis.send(contentsOf: query.commands) })
    }

    public func find(_ key: EventKey, in channel: Channel) async throws(BrokerError) -> PlacedEvent? {
        let reply = try await counted { () throws(RedisError) in
            try await redis.evaluate(
                HistoryScripts.find, keys: [channel.positionKey],
                arguments: [key.prefix, key.suffix])
        }
        return try reply.array.map { parts throws(BrokerError) in try Self.placed(parts) }
    }

    /// What a script answers for an event that it found.
    static func placed(_ parts: [RESPValue]) throws(BrokerError) -> PlacedEvent {
        guard parts.count == 2, let position = parts[0].text.flatMap({ Position(parsing: $0) }),
            let payload = parts[1].bytes
        else { throw BrokerError(.internal, "a script answered an event in another form") }
        return PlacedEvent(position: position, payload: payload)
    }

    public func subscriptionCounts(of channels: [Channel]) async throws(BrokerError) -> [Int] {
        let names = channels.map(names.name(of:))
        let word = redis.hasShards ? "SHARDNUMSUB" : "NUMSUB"
        var counts: [String: Int] = [:]
        for start in stride(from: 0, to: names.count, by: Self.batchMax) {
            let command = RedisCommand("PUBSUB", [word] + names[start..<min(start + Self.batchMax, names.count)])
            // Each server counts the connections to itself.
            for replies in try await fromEach([command]) {
                let values = replies.first?.array ?? []
                guard values.count == 2 * (command.argumentCount - 2) else {
                    throw BrokerError(.internal, "PUBSUB \(word) answered another number of values")
                }
                for index in stride(from: 0, to: values.count, by: 2) {
                    counts[values[index].text ?? "", default: 0] += Int(values[index + 1].integer ?? 0)
                }
            }
        }
        return names.map { counts[$0] ?? 0 }
    }

    /// Redis walks over all channels for each pattern: some ten milliseconds at 90,000 channels. Within a namespace the
    /// names themselves are answered, too, as there is no other count of them.
    public func subscribedChannelCount() async throws(BrokerError) -> Int {
        let word = redis.hasShards ? "SHARDCHANNELS" : "CHANNELS"
        let field = redis.hasShards ? "pubsubshard_channels" : "pubsub_channels"
        let all = names.ownPattern.map { RedisCommand("PUBSUB", word, $0) } ?? RedisCommand("INFO", "stats")
        let others = names.othersPatterns.map { RedisCommand("PUBSUB", word, $0) }
        // Where Sentinels of a server tell each other of themselves.
        let hello = names.ownPattern == nil && !redis.hasShards
        let sentinels = hello ? [RedisCommand("PUBSUB", "NUMSUB", "__sentinel__:hello")] : []
        var sum = 0
        for replies in try await fromEach([all] + sentinels + others) {
            let total =
                replies.first?.array?.count ?? RedisInfo(replies.first?.text ?? "")[field].flatMap { Int($0) }
            let heard = sentinels.isEmpty ? 0 : replies[1].array?.last?.integer.map { $0 > 0 ? 1 : 0 }
            let counts = replies.dropFirst(1 + sentinels.count).compactMap { $0.array?.count }
            guard let total, let heard, counts.count == others.count else {
                throw BrokerError(.internal, "Redis did not answer its number of channels")
            }
            sum += max(0, total - heard - counts.reduce(0, +))
        }
        return sum
    }

    private func fromEach(_ commands: [RedisCommand]) async throws(BrokerError) -> [[RESPValue]] {
        try await counted { () throws(RedisError) in try await redis.sendToEach(commands) }
    }

    /// One command for each channel; the replies in order.
    private func batched(
        _ channels: [Channel], _ command: (Channel) -> RedisCommand
    ) async throws(BrokerError) -> [RESPValue] {
        var values: [RESPValue] = []
        for start in stride(from: 0, to: channels.count, by: Self.batchMax) {
            let batch = channels[start..<min(start + Self.batchMax, channels.count)].map(command)
            values += try await counted { () throws(RedisError) in try await redis.send(contentsOf: batch) }
        }
        return values
    }
}
