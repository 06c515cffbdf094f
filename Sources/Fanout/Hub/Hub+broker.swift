public import Broker
internal import Logging
internal import SocketLoop
public import Wire

extension Hub: SubscriptionSink {
    public func connectionEstablished() {
        book.withLock { $0.channels.connectionEstablished() }
        logger.info("connected to the broker")
    }

    public func subscribed(_ channels: [Channel]) {
        book.withLock { state in
            var orders: [HubState.Order] = []
            for channel in channels { state.channels.subscribed(channel, orders: &orders) }
            state.take(orders, self)
        }
    }

    public func received(_ messages: [BrokerMessage]) {
        var bytes = 0
        for message in messages { bytes += message.frame.count }
        let duplicates = book.withLock { state -> Int? in
            guard hasRoom(for: bytes) else {
                state.channels.dropped(messages)
                return nil
            }
            var deliveries = Deliveries(loops: loops.count)
            var orders: [HubState.Order] = []
            for message in messages {
                state.channels.received(message, deliveries: &deliveries, orders: &orders)
            }
            send(deliveries)
            state.take(orders, self)
            return deliveries.duplicates
        }
        book.counters.add { counters in
            counters.messagesReceived += messages.count
            counters.duplicates += duplicates ?? 0
            if duplicates == nil { counters.messagesDeferred += messages.count }
        }
    }

    public func connectionLost() {
        logger.warning("the connection to the broker is lost")
        book.withLock { state in
            var orders: [HubState.Order] = []
            state.channels.connectionLost(orders: &orders)
            state.take(orders, self)
        }
    }
}

/// Questions to the broker that the book ordered.
extension Hub {
    /// Wait before a question that failed is asked again.
    private static let retryPause = Duration.milliseconds(200)
    /// Wait before a loop that was full is looked at again.
    private static let roomPause = Duration.milliseconds(20)
    private static let historyPage = 1000

    func locate(_ batch: [HubState.Reading]) async {
        let readings = book.withLock { state in batch.filter { state.channels.needs($0) } }
        guard !readings.isEmpty else { return }
        do {
            let positions = try await broker.positions(of: readings.map(\.channel))
            book.withLock { state in
                var orders: [HubState.Order] = []
                for (reading, position) in zip(readings, positions) {
                    state.channels.located(reading, at: position, orders: &orders)
                }
                state.take(orders, self)
            }
        } catch {
            logger.warning("positions cannot be read", metadata: ["error": "\(error)"])
            try? await Task.sleep(for: Self.retryPause)
            for reading in readings { locating.add(reading) }
        }
    }

    func repair(_ batch: [HubState.Reading]) async {
        await withTaskGroup(of: Void.self) { group in
            for reading in Set(batch) { group.addTask { await self.repair(reading) } }
        }
    }

    private func repair(_ reading: HubState.Reading) async {
        guard let start = book.withLock({ $0.channels.start(of: reading) }) else { return }
        guard hasRoom(for: 0) else {
            try? await Task.sleep(for: Self.roomPause)
            return repairing.add(reading)
        }
        book.counters.add { $0.repairs += 1 }
        do {
            let page = try await broker.history(
                of: reading.channel, after: start.offset, through: nil, limit: Self.historyPage)
            book.withLock { state in
                var deliveries = Deliveries(loops: loops.count)
                var orders: [HubState.Order] = []
                state.channels.repaired(reading, with: page, deliveries: &deliveries, orders: &orders)
                send(deliveries)
                state.take(orders, self)
            }
        } catch {
            logger.warning("a history cannot be read", metadata: ["error": "\(error)"])
            try? await Task.sleep(for: Self.retryPause)
            repairing.add(reading)
        }
    }

    /// Viewers of one channel who come back together are served from one reading.
    func resume(_ batch: [Resumption]) async {
        book.counters.add { $0.resumptions += batch.count }
        let groups = Dictionary(grouping: batch) { [$0.channel.name, $0.position.epoch] }
        await withTaskGroup(of: Void.self) { group in
            for resumptions in groups.values { group.addTask { await self.resumeTogether(resumptions) } }
        }
    }

    private func resumeTogether(_ resumptions: [Resumption]) async {
        do {
            let reader = HistoryReader(broker: broker, channel: resumptions[0].channel)
            for resumption in resumptions.sorted(by: { $0.position.offset < $1.position.offset }) {
                var catchUp = CatchUp(from: resumption.position)
                while !catchUp.isFinished {
                    catchUp.take(try await reader.page(after: catchUp.position, limit: Self.historyPage))
                }
                loops[resumption.loop].submit(
                    .release(resumption.id, history: catchUp.frames, through: catchUp.position.offset))
            }
        } catch {
            logger.warning("viewers cannot be resumed", metadata: ["error": "\(error)"])
            for resumption in resumptions { loops[resumption.loop].submit(.abandon(resumption.id)) }
        }
    }
}
