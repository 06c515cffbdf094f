import Broker
import Wire

@testable import RedisNIO

/// A Reader's subscriber: the driver's own table of subscriptions, on connections that break.
final class SimulatedLink: SimulatedSubscriber {
    private unowned let world: World
    private unowned let reader: SimulatedReader
    private var table = SubscriptionTable(limit: 1000)
    private var connection: SubscriberConnection?
    private var isClosed = false
    /// Whether the Reader was told of the present connection.
    private var isEstablished = false

    init(world: World, reader: SimulatedReader) {
        self.world = world
        self.reader = reader
    }

    func connect() {
        guard !isClosed, connection == nil else { return }
        guard world.redis.isUp else { return world.after(world.random.micros(20_000...300_000)) { self.connect() } }
        let connection = SubscriberConnection(world: world, server: world.redis) { [weak self] in self?.received($0) }
        world.redis.connect(connection)
        self.connection = connection
        world.redis.arrive(after: world.latency()) {
            // A connection that breaks during its login was never there.
            guard self.connection === connection, !connection.isBroken else { return }
            self.isEstablished = true
            self.table.connected()
            self.world.note("\(self.reader): connected to Redis")
            self.reader.connectionEstablished()
            self.flush()
        }
    }

    func subscribe(_ channel: Channel) {
        _ = table.subscribe([channel.name])
        world.after(world.random.micros(0...300)) { self.flush() }
    }

    func unsubscribe(_ channel: Channel) {
        world.coverage.giveUps += 1
        table.unsubscribe([channel.name])
        world.after(world.random.micros(0...300)) { self.flush() }
    }

    private func flush() {
        guard !isClosed, let connection, isEstablished else { return }
        let commands = table.flush()
        guard !commands.isEmpty else { return }
        // The table's own order is that of a hash table: any order must do, so the seed decides.
        let subscribe = commands.subscribe.flatMap { $0 }.sorted().shuffled(using: &world.random)
        connection.send(subscribe: subscribe, unsubscribe: commands.unsubscribe.flatMap { $0 }.sorted())
        let confirmed = commands.confirmed.sorted().compactMap { Channel(name: $0) }
        if !confirmed.isEmpty { reader.subscribed(confirmed) }
    }

    private func received(_ items: [SubscriberConnection.Item]) {
        var messages: [BrokerMessage] = []
        func handOver() {
            if !messages.isEmpty { reader.received(messages) }
            messages = []
        }
        for item in items where !isClosed {
            switch item {
            case .message(let message): messages.append(message)
            case .acknowledged(let channels):
                handOver()
                let settled = table.acknowledged(channels)
                if !settled.isEmpty { reader.subscribed(settled.compactMap { Channel(name: $0) }) }
            case .refused, .dropped: break
            case .end:
                handOver()
                ended()
            }
        }
        handOver()
    }

    private func ended() {
        connection = nil
        if isEstablished {
            isEstablished = false
            let wanted = table.disconnected().compactMap { Channel(name: $0) }
            world.note("\(reader): lost its connection to Redis")
            reader.lost(wanted, isConnected: false)
        }
        world.after(world.random.micros(1_000...200_000)) { self.connect() }
    }

    func cut() {
        guard let connection, !connection.isBroken else { return }
        world.coverage.cuts += 1
        world.note("\(reader): its subscriber connection is cut")
        // A silent end is found by the probe, up to six seconds later.
        connection.broken(within: world.random.chance(300) ? world.random.micros(0...6_000_000) : 0)
    }

    func stall(_ span: UInt64) {
        world.note("\(reader): its subscriber connection stalls for \(span / 1_000_000) ms")
        guard let connection, !connection.isBroken else { return }
        world.coverage.lags += 1
        connection.stall(span)
    }

    func stutter(_ span: UInt64) {
        world.note("\(reader): its subscriber connection brings things twice for \(span / 1_000_000) ms")
        connection?.stutter(span)
    }

    func close() {
        isClosed = true
        connection?.close()
    }
}
