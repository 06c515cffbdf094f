public import Broker
internal import Logging
internal import SocketLoop
public import Wire

extension Hub: SubscriptionSink {
    public func connectionEstablished() {
        book.withLock { $0.connectionEstablished() }
        logger.info("connected to the broker")
    }

    public func subscribed(_ channels: [Channel]) {
        book.withLock { carryOut($0.subscribed(channels)) }
    }

    public func received(_ messages: [BrokerMessage]) {
        let (duplicates, isDeferred) = book.withLock { core -> (Int, Bool) in
            let (errands, isDeferred) = core.received(messages, room: room)
            carryOut(errands)
            return (errands.deliveries?.duplicates ?? 0, isDeferred)
        }
        book.counters.add { counters in
            counters.messagesReceived += messages.count
            counters.duplicates += duplicates
            if isDeferred { counters.messagesDeferred += messages.count }
        }
    }

    public func connectionLost() {
        logger.warning("the connection to the broker is lost")
        book.withLock { carryOut($0.connectionLost()) }
    }
}

/// Questions to the broker that the core asked for.
extension Hub {
    /// Wait before a question that failed is asked again.
    private static let retryPause = Duration.milliseconds(200)
    /// Wait before a loop that was full is looked at again.
    private static let roomPause = Duration.milliseconds(20)
    private static let historyPage = 1000

    func locate(_ batch: [HubState.Reading]) async {
        let readings = book.withLock { core in batch.filter { core.channels.needs($0) } }
        guard !readings.isEmpty else { return }
        do {
            let positions = try await broker.positions(of: readings.map(\.channel))
            book.withLock { carryOut($0.located(Array(zip(readings, positions)))) }
        } catch {
            logger.warning("positions cannot be read", metadata: ["error": "\(error)"])
            try? await Task.sleep(for: Self.retryPause)
            for reading in readings { locating.add(reading) }
        }
    }

    func repair(_ reading: HubState.Reading) async {
        guard let start = book.withLock({ $0.channels.start(of: reading) }) else { return }
        var pause = Self.roomPause
        do {
            // A loop that is full would refuse the page.
            guard loops.indices.allSatisfy({ room($0, 1) }) else { return await repairLater(reading, pause) }
            book.counters.add { $0.repairs += 1 }
            let page = try await broker.history(
                of: reading.channel, after: start.offset, through: nil, limit: Self.historyPage)
            let isTaken = book.withLock { core -> Bool in
                guard let errands = core.repaired(reading, with: page, room: room) else { return false }
                carryOut(errands)
                return true
            }
            if isTaken { return }
        } catch {
            logger.warning("a history cannot be read", metadata: ["error": "\(error)"])
            pause = Self.retryPause
        }
        await repairLater(reading, pause)
    }

    private func repairLater(_ reading: HubState.Reading, _ pause: Duration) async {
        try? await Task.sleep(for: pause)
        repairing.add(reading)
    }

    func resume(_ group: ResumeGroup) async {
        var group = group
        book.counters.add { $0.resumptions += group.count }
        do {
            while let offset = group.question {
                book.counters.add { $0.historyReads += 1 }
                let page = try await broker.history(
                    of: group.channel, after: offset, through: nil, limit: Self.historyPage)
                for release in group.take(page) { loops[release.loop].submit(release.command) }
            }
        } catch {
            logger.warning("viewers cannot be resumed", metadata: ["error": "\(error)"])
            for release in group.unserved { loops[release.loop].submit(release.command) }
        }
        book.withLock { carryOut($0.resumed(group.channel)) }
    }
}
