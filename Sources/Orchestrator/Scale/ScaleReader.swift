import Audience
import Broker
import CoreMetrics
import Fanout
import Logging
import Placement
import Primitives
import ReaderPlacement
import RedisNIO
import ServiceRuntime
import SocketLoop
import Testbed
import Wire

/// One Reader of a scale run: the Reader's own hub on a real subscriber connection and the Reader's own placement, with viewers
/// that have no sockets.
struct ScaleReader: Sendable {
    var port: Int
    /// Which of the Readers, from 0.
    var index: Int
    var audience: Audience
    var placement: PlacementStrategy
    var readers: [String]
    /// In which all viewers arrive, at all Readers together.
    var arrivalSeconds: Double
    /// Viewers here that have a socket, which somebody reads.
    var sockets: Int

    /// Connects that are under way at once; a real Reader has a limit of accepts, too.
    static let connectsMax = 2_048
    /// Pairs in a line of ``ScaleReaderMessage/channels(_:)``.
    static let pairsMax = 4_096

    private var name: String { readers[index] }

    /// Runs until standard input ends.
    func run(
        _ orders: some AsyncSequence<ScaleReaderOrder, Never>, say: @escaping @Sendable (ScaleReaderMessage) -> Void
    ) async throws {
        let broker = RedisBroker(
            endpoint: RedisEndpoint(host: "127.0.0.1", port: port), settings: brokerSettings, logger: logger)
        let viewers = try ScaleViewers(sockets: sockets)
        let hub = try Hub(settings: hubSettings(viewers), broker: broker, logger: logger)
        let redis = RedisClient(
            endpoint: RedisEndpoint(host: "127.0.0.1", port: port), settings: brokerSettings.client, logger: logger)
        // Numbers need no name server. Nobody connects there: a redirect is told to the other process.
        var registry = RegistrySettings(
            strategy: placement, publicURL: ServiceURL("http://127.0.0.1:\(index + 1)", schemes: ["http"]))
        registry.viewAgeMax = .seconds(120)
        let service = PlacementService(
            settings: registry, id: name, session: "scale\(index)", metrics: NOOPMetricsHandler.instance,
            capacity: hub.settings.connectionsMax
        ) { hub.isClosed }
        let announcements = ReaderRegistry(
            redis: redis, placement: service, hub: hub, settings: registry, logger: logger)
        let arrivals = ScaleArrivals(reader: self, hub: hub, placement: service, redis: redis, viewers: viewers)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await broker.run() }
            group.addTask { try await hub.run() }
            group.addTask { try await redis.run() }
            if placement != .random { group.addTask { try await announcements.run() } }
            try await Polling.until(atMost: .seconds(60)) {
                hub.isReady && (placement == .random || service.knownReaders == readers.count)
            }
            say(.ready(.init(readers: placement == .random ? readers.count : service.knownReaders)))
            for await order in orders {
                switch order {
                case .place: group.addTask { try await arrivals.run { say(.placed(.init(seconds: $0, refused: $1))) } }
                case .count(let number): say(.counts(counts(of: hub, arrivals, viewers, number)))
                case .channels:
                    await arrivals.end()
                    for part in parts(of: hub) { say(.channels(part)) }
                }
            }
            group.cancelAll()
        }
    }

    private func counts(
        of hub: Hub, _ arrivals: ScaleArrivals, _ viewers: ScaleViewers, _ number: Int
    ) -> ScaleReaderMessage.Counts {
        let counters = hub.counters
        return .init(
            number: number, messages: counters.messagesReceived, deliveries: counters.messagesSent,
            viewers: counters.connections, redirects: arrivals.redirects, latency: viewers.latency)
    }

    /// What its hub holds, channel by channel, in lines that are not too long.
    private func parts(of hub: Hub) -> [ScaleReaderMessage.Channels] {
        var numbers: [String: Int] = [:]
        for channel in 0..<audience.channels { numbers[audience.channelName(channel)] = channel }
        let held = hub.audience(atLeast: 1).compactMap { one in numbers[one.channel].map { ($0, one.viewers) } }
        let starts = stride(from: 0, to: max(1, held.count), by: ScaleReader.pairsMax)
        return starts.map { start in
            let part = held[start..<min(start + ScaleReader.pairsMax, held.count)]
            return .init(
                channels: part.map(\.0), viewers: part.map(\.1), isLast: start + ScaleReader.pairsMax >= held.count)
        }
    }

    /// All Readers of a case share two cores with Redis: what takes a moment elsewhere may take seconds here, and is
    /// no fault.
    private var brokerSettings: RedisBrokerSettings {
        var settings = RedisBrokerSettings()
        settings.instance = name
        settings.probeDeadline = .seconds(60)
        settings.client.connection.connectTimeout = .seconds(20)
        settings.client.connection.commandTimeout = .seconds(60)
        settings.subscriber.connectTimeout = .seconds(20)
        settings.subscriber.pingTimeout = .seconds(60)
        return settings
    }

    private func hubSettings(_ viewers: ScaleViewers) -> HubSettings {
        var settings = HubSettings(loops: 1)
        settings.connectionsMax = max(1_000, audience.total / readers.count * 3)
        settings.channelsMax = audience.channels + 1
        settings.subscribeTimeout = .seconds(120)
        settings.adopt = { $0 < 0 ? ScaleViewers.handle : $2.adopt(descriptor: $0, tag: $1) }
        settings.wrote = { chunk, _ in viewers.wrote(chunk) }
        return settings
    }

    private var logger: Logger {
        var logger = Logger(label: name) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .notice
        return logger
    }
}
