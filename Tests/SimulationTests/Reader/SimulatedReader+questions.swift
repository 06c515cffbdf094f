import Broker
import InMemory
import Wire

@testable import Fanout

/// What a Reader asks Redis, and when it asks again.
extension SimulatedReader {
    private static let retryPause: UInt64 = 200_000_000

    /// A lane takes its time, and does one thing after the other in whatever order.
    func locate(_ reading: HubState.Reading) {
        world.after(world.random.micros(0...3_000)) {
            guard self.isAlive, self.core.channels.needs(reading) else { return }
            self.world.redis.ask({ $0.position(of: reading.channel) }) { answer in
                guard self.isAlive else { return }
                if let answer {
                    self.world.note("\(self): \(reading.channel) stands at \(answer?.description ?? "nothing")")
                    self.carryOut(self.core.located([(reading, answer)]))
                } else {
                    self.world.after(Self.retryPause) { self.locate(reading) }
                }
            }
        }
    }

    func repair(_ reading: HubState.Reading) {
        world.after(world.random.micros(0...3_000)) {
            guard self.isAlive, let start = self.core.channels.start(of: reading) else { return }
            self.world.coverage.repairs += 1
            self.askHistory(of: reading.channel, after: start.offset) { page in
                guard self.isAlive else { return }
                if let page, let errands = self.core.repaired(reading, with: page, room: self.room) {
                    self.world.note("\(self): repairs \(reading.channel) after \(start) with \(page.summary)")
                    self.carryOut(errands)
                } else {
                    self.world.after(Self.retryPause) { self.repair(reading) }
                }
            }
        }
    }

    private func askHistory(of channel: Channel, after offset: UInt64, _ answered: @escaping (HistoryPage?) -> Void) {
        let limit = world.plan.historyPage
        world.redis.ask({ $0.history(of: channel, after: offset, through: nil, limit: limit) }, answered)
    }

    /// One reading of a channel at a time; the core sees to it.
    func resume(_ group: ResumeGroup) {
        let isFirst = reading.insert(group.channel).inserted
        if !isFirst { world.witness.complain("\(self) reads \(group.channel) twice at the same time") }
        if group.count > 1 { world.coverage.sharedReadings += 1 }
        world.after(world.random.micros(0...5_000)) { self.serve(group) }
    }

    private func serve(_ group: ResumeGroup) {
        guard isAlive else { return }
        guard let offset = group.question else { return finish(group) }
        let received = messages
        askHistory(of: group.channel, after: offset) { page in
            guard self.isAlive else { return }
            if self.messages > received { self.world.coverage.races += 1 }
            var group = group
            guard let page else {
                self.world.coverage.failedResumptions += 1
                for release in group.unserved { self.loops[release.loop].submit(release.command) }
                return self.finish(group)
            }
            self.world.note("\(self): resumes \(group.channel) after \(offset) with \(page.summary)")
            for release in group.take(page) { self.loops[release.loop].submit(release.command) }
            self.serve(group)
        }
    }

    private func finish(_ group: ResumeGroup) {
        reading.remove(group.channel)
        carryOut(core.resumed(group.channel))
    }
}

extension HistoryPage {
    var summary: String {
        let range = entries.isEmpty ? "nothing" : "\(entries[0].offset)...\(entries[entries.count - 1].offset)"
        return "\(range) of \(position?.description ?? "nothing")"
            + (missing.isEmpty ? "" : ", missing \(missing)") + (isCut ? ", cut" : "")
    }
}
