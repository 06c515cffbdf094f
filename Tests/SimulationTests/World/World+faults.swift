import Broker
import Wire

extension World {
    func fault() {
        guard isTurbulent else { return }
        let reader = random.pick(readers)
        let channel = plan.channels[random.index(below: plan.channels.count)]
        switch random.index(below: plan.mayLoseData ? 22 : 15) {
        case 0, 1: reader.link.cut()
        case 2: reader.link.stall(random.micros(100_000...1_500_000))
        case 3:
            coverage.crashes += 1
            note("\(reader): crashes")
            replace(reader)
        case 4: drain(reader)
        case 5: redis.restart(for: random.micros(10_000...1_500_000))
        case 6: reader.loops[random.index(below: plan.loops)].stall(random.micros(50_000...800_000))
        case 7: cutViewers(of: reader)
        case 8: for viewer in viewers where random.chance(500) { viewer.slowDown() }
        case 9: redis.isSlow = !redis.isSlow
        case 10: burst(random.index(below: plan.channels.count))
        case 11: for reader in readers { reader.link.cut() }
        case 12: reader.link.stutter(random.micros(100_000...2_000_000))
        case 13: redis.freeze(for: random.micros(100_000...2_500_000))
        case 14: storm(random.index(below: plan.channels.count))
        case 15, 16: redis.restart(for: random.micros(10_000...1_500_000), losing: random.number(1...5))
        case 17, 18: redis.restart(for: random.micros(10_000...1_500_000), losing: .max)
        case 19: redis.evict(channel)
        case 20: redis.replaceHistory(of: channel)
        default: redis.removeOne(channel)
        }
    }

    private func cutViewers(of reader: SimulatedReader) {
        note("every viewer of \(reader) is cut")
        for viewer in viewers where viewer.isWatching(reader) { viewer.cut() }
    }

    /// All viewers of a channel go, and come back together while comments go on.
    private func storm(_ channel: Int) {
        note("everybody on \(plan.channels[channel]) goes and comes back at once")
        coverage.storms += 1
        for viewer in viewers where viewer.channel == channel { viewer.cut(for: 50_000_000) }
        burst(channel)
    }

    private func burst(_ channel: Int) {
        note("a burst of comments")
        for _ in 0..<random.number(5...15) { after(random.micros(0...3_000)) { self.redis.publish(channel) } }
    }

    private func drain(_ reader: SimulatedReader) {
        guard !reader.isStopping else { return }
        coverage.drains += 1
        reader.drain(over: .milliseconds(random.number(50...800)))
        after(random.micros(500_000...1_500_000)) {
            if reader.isAlive { self.replace(reader) }
        }
    }
}
