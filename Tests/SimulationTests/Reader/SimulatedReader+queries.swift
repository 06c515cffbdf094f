import Broker
import InMemory
import Wire

@testable import Fanout

/// A Reader's queries to Redis, and their repetitions.
extension SimulatedReader {
    private static let retryPause: UInt64 = 200_000_000

    /// Queries wait for their workers, for some time and in any order.
    func readPosition(_ query: ChannelQuery) {
        world.after(world.random.micros(0...3_000)) {
            guard self.isAlive, self.registry.needs(query) else { return }
            self.ask(query.channel, { $0.position(of: query.channel) }) { answer in
                guard self.isAlive else { return }
                if let answer {
                    self.world.note("\(self): \(query.channel) stands at \(answer?.description ?? "nothing")")
                    self.registry.positioned(query, at: answer, room: self.room)
                    self.perform()
                } else {
                    self.world.after(Self.retryPause) { self.readPosition(query) }
                }
            }
        }
    }

    func readHistory(_ query: ChannelQuery) {
        world.after(world.random.micros(0...3_000)) {
            guard self.isAlive, let start = self.registry.repairStart(of: query) else { return }
            self.world.coverage.repairs += 1
            self.askHistory(of: query.channel, after: start.offset) { page in
                guard self.isAlive else { return }
                if let page, self.registry.repaired(query, with: page, room: self.room) {
                    self.world.note("\(self): repairs \(query.channel) after \(start) with \(page.summary)")
                    self.perform()
                } else {
                    self.world.after(Self.retryPause) { self.readHistory(query) }
                }
            }
        }
    }

    private func askHistory(of channel: Channel, after offset: UInt64, _ answered: @escaping (HistoryPage?) -> Void) {
        let limit = world.plan.historyPage
        ask(channel, { $0.history(of: channel, after: offset, through: nil, limit: limit) }, answered)
    }

    private func ask<Answer>(
        _ channel: Channel, _ question: @escaping (InMemoryStore) -> Answer, _ answered: @escaping (Answer?) -> Void
    ) {
        guard let shards = link as? SimulatedShards else { return world.redis.ask(question, answered) }
        let fails = world.isTurbulent && world.random.chance(world.plan.failures)
        shards.client.send(channel) {
            question($0.store)
        } completed: {
            answered(fails ? nil : $0)
        }
    }

    /// One scan of a channel at a time: the registry sees to it.
    func recover(_ group: RecoveryGroup) {
        let isFirst = recovering.insert(group.channel).inserted
        if !isFirst { world.witness.complain("\(self) reads \(group.channel) twice at the same time") }
        if group.count > 1 { world.coverage.sharedScans += 1 }
        world.after(world.random.micros(0...5_000)) { self.serve(group) }
    }

    private func serve(_ group: RecoveryGroup) {
        guard isAlive else { return }
        guard let offset = group.offset else { return finish(group) }
        let received = messages
        askHistory(of: group.channel, after: offset) { page in
            guard self.isAlive else { return }
            if self.messages > received { self.world.coverage.races += 1 }
            var group = group
            guard let page else {
                self.world.coverage.failedRecoveries += 1
                for reply in group.failures { self.loops[reply.loop].submit(reply.command) }
                return self.finish(group)
            }
            self.world.note("\(self): recovers \(group.channel) after \(offset) with \(page.summary)")
            for reply in group.received(page) { self.loops[reply.loop].submit(reply.command) }
            self.serve(group)
        }
    }

    private func finish(_ group: RecoveryGroup) {
        recovering.remove(group.channel)
        registry.recovered(group.channel)
        perform()
    }
}

extension HistoryPage {
    var summary: String {
        let range = entries.isEmpty ? "nothing" : "\(entries[0].offset)...\(entries[entries.count - 1].offset)"
        return "\(range) of \(position?.description ?? "nothing")"
            + (missing.isEmpty ? "" : ", missing \(missing)") + (isCut ? ", cut" : "")
    }
}

extension SimulatedReader {
    func join(_ connect: SimulatedConnect) {
        guard isAlive else { return connect.answered(false) }
        registry.join([connect.channel], waiter: connect, now: world.now)
        perform()
    }

    func release(_ connect: SimulatedConnect) { registry.release([connect.channel], now: world.now) }

    func attach(_ connect: SimulatedConnect, from start: StreamStart) {
        streams[Int32(connect.stream.number)] = connect.stream
        let isAttached = registry.attach(
            [connect.channel], descriptor: Int32(connect.stream.number), from: start,
            hello: Array("{\"type\":\"connected\"}".utf8), retryMilliseconds: 300)
        if !isAttached { connect.stream.breakOff() }
        perform()
    }

    func departed(_ report: LoopReport, loop: Int) {
        for departure in report.departures { registry.departed(departure, loop: loop, now: world.now) }
    }
}
