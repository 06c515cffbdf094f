import Audience
import Broker
import Fanout
import Logging
import Placement
import RedisNIO
import SocketLoop
import Testbed
import Wire

/// One Reader of a scale run: the Reader's own hub on a real subscriber connection, with viewers that have no sockets.
struct ScaleReader: Sendable {
    var port: Int
    /// Which of the Readers, from 0.
    var index: Int
    var layout: ScaleLayout

    /// Connects that are under way at once; a real Reader has a limit of accepts, too.
    static let connectsMax = 2_048

    /// Runs until standard input ends.
    func run(_ orders: AsyncStream<ScaleReaderOrder>, say: @escaping @Sendable (ScaleReaderMessage) -> Void)
        async throws
    {
        let channels = layout.channels(ofReader: index)
        let broker = RedisBroker(
            endpoint: RedisEndpoint(host: "127.0.0.1", port: port), settings: brokerSettings, logger: logger)
        let hub = try Hub(settings: hubSettings(channels), broker: broker, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await broker.run() }
            group.addTask { try await hub.run() }
            _ = try await Polling.wait(atMost: .seconds(30)) { hub.isReady ? true : nil }
            say(.ready(.init(channels: channels.count, viewers: channels.reduce(0) { $0 + $1.viewers })))
            for await order in orders {
                switch order {
                case .subscribe: say(.subscribed(try await attach(channels, to: hub)))
                case .count(let number): say(.counts(counts(of: hub, number)))
                }
            }
            group.cancelAll()
        }
    }

    /// Subscribes all channels at once, which is what is timed, and then attaches the viewers.
    private func attach(_ channels: [(channel: Int, viewers: Int)], to hub: Hub) async throws
        -> ScaleReaderMessage.Subscribed
    {
        let start = ContinuousClock.now
        var reserved: [(Reservation, Channel, viewers: Int)] = []
        var refused = 0
        await withTaskGroup(of: (Reservation, Channel, viewers: Int)?.self) { group in
            func take(_ answer: (Reservation, Channel, viewers: Int)?) {
                if let answer { reserved.append(answer) } else { refused += 1 }
            }
            for (number, place) in channels.enumerated() {
                if number >= ScaleReader.connectsMax, let answer = await group.next() { take(answer) }
                let name = layout.audience.channelName(place.channel)
                group.addTask {
                    guard let channel = Channel(name: name), let reservation = try? await hub.join([channel]) else {
                        return nil
                    }
                    return (reservation, channel, place.viewers)
                }
            }
            for await answer in group { take(answer) }
        }
        let seconds = (ContinuousClock.now - start).seconds
        for (reservation, channel, viewers) in reserved where viewers > 0 {
            VirtualViewers.attach(reservation)
            for _ in 1..<viewers { VirtualViewers.attach(try await hub.join([channel])) }
        }
        return .init(seconds: seconds, refused: refused)
    }

    private func counts(of hub: Hub, _ number: Int) -> ScaleReaderMessage.Counts {
        let counters = hub.counters
        return .init(
            number: number, messages: counters.messagesReceived, deliveries: counters.eventsSent,
            duplicates: counters.duplicates, deferred: counters.messagesDeferred, viewers: counters.connections)
    }

    /// All Readers of a case share two cores with Redis: what takes a moment elsewhere may take seconds here, and is
    /// no fault.
    private var brokerSettings: RedisBrokerSettings {
        var settings = RedisBrokerSettings()
        settings.instance = layout.readers[index]
        settings.probeDeadline = .seconds(60)
        settings.client.connection.connectTimeout = .seconds(20)
        settings.client.connection.commandTimeout = .seconds(60)
        settings.subscriber.connectTimeout = .seconds(20)
        settings.subscriber.pingTimeout = .seconds(60)
        return settings
    }

    private func hubSettings(_ channels: [(channel: Int, viewers: Int)]) -> HubSettings {
        var settings = HubSettings(loops: 1)
        settings.connectionsMax = channels.reduce(1) { $0 + $1.viewers }
        settings.channelsMax = channels.count + 1
        settings.subscribeTimeout = .seconds(120)
        settings.adopt = VirtualViewers.adopt
        return settings
    }

    private var logger: Logger {
        var logger = Logger(label: layout.readers[index]) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .notice
        return logger
    }
}

/// Viewers without sockets, for audiences that no machine has descriptors for. Everything but the last step is real:
/// subscription, order, rounds, the count of deliveries.
enum VirtualViewers {
    /// A handle that names no socket: no table has a slot with this index.
    private static let handle = SocketHandle(index: .max, generation: .max)

    @Sendable static func adopt(_ descriptor: Int32, _ tag: UInt32, _ sockets: Sockets) -> SocketHandle? { handle }

    static func attach(_ reservation: Reservation) { reservation.attach(descriptor: -1, from: .now, hello: []) }
}
