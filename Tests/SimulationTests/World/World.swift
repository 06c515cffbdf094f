import Broker
import Wire

/// One schedule: virtual time, everything that happens in it, and who takes part.
///
/// No thread, no socket, no clock: what happens next is the first of the event queue, and whatever is left to chance
/// is drawn from the plan's seed. The same seed gives the same run, event by event.
final class World {
    let plan: Plan
    let witness: Witness
    private(set) var now: UInt64 = 1_000_000_000
    var random: SeededRandom
    private var queue = EventQueue()
    private(set) var redis: SimulatedRedis!
    private(set) var cluster: SimulatedCluster?
    private(set) var readers: [SimulatedReader] = []
    private(set) var viewers: [SimulatedViewer] = []
    /// Faults may still come, and viewers move.
    private(set) var isTurbulent = true
    var coverage = Coverage()
    private let keepsJournal: Bool
    private(set) var journal: [String] = []

    init(plan: Plan, keepsJournal: Bool = false) {
        self.plan = plan
        self.keepsJournal = keepsJournal
        random = SeededRandom(seed: plan.seed &+ 0x5EED)
        witness = Witness(plan: plan)
        witness.note = { [unowned self] text in note(text) }
        redis = SimulatedRedis(world: self)
        if plan.masters > 0 { cluster = SimulatedCluster(world: self) }
        readers = (0..<plan.readers).map { SimulatedReader(world: self, number: $0, life: 0) }
        viewers = (0..<plan.viewers).map { index in
            SimulatedViewer(world: self, number: index, channel: index % plan.channels.count)
        }
    }

    func after(_ delay: UInt64, _ action: @escaping () -> Void) { queue.add(at: now + delay, action) }

    private func run(for span: UInt64) {
        let end = now + span
        while let (time, action) = queue.next(by: end) {
            now = time
            action()
        }
        now = end
    }

    /// Of two machines: short, with a tail.
    func latency() -> UInt64 {
        switch random.index(below: 20) {
        case 0: random.micros(5_000...60_000)
        case 1: random.micros(60_000...400_000)
        default: random.micros(50...2_000)
        }
    }

    func note(_ text: @autoclosure () -> String) {
        guard keepsJournal else { return }
        let micros = (now - 1_000_000_000) / 1000
        let fraction = String(micros % 1_000_000)
        let zeros = String(repeating: "0", count: 6 - fraction.count)
        journal.append("\(micros / 1_000_000).\(zeros)\(fraction)  \(text())")
    }

    /// How long everybody may take to be whole after the last fault. Virtual.
    static let settling: UInt64 = 12_000_000_000

    /// Runs the schedule. What went wrong, in sentences; empty: every promise was kept.
    func run() -> [String] {
        for reader in readers { reader.start() }
        for viewer in viewers { viewer.start() }
        for _ in 0..<plan.comments { after(random.micros(0...Int(plan.duration / 1000))) { self.writeSomething() } }
        for _ in 0..<plan.faults { after(random.micros(0...Int(plan.duration / 1000))) { self.fault() } }
        run(for: plan.duration)
        calm()
        run(for: Self.settling)
        witness.settled(viewers, hasLostData: cluster?.hasLostData ?? redis.hasLostData)
        // Whoever lost the newest comments with Redis can know of it only by the next one.
        for channel in plan.channels.indices { publish(channel, isReliable: true) }
        run(for: Self.settling)
        witness.settled(viewers, hasLostData: false)
        coverage.add(witness)
        return witness.violations
    }

    private func calm() {
        note("--- faults are over ---")
        isTurbulent = false
        redis.recover()
        cluster?.calm()
        for reader in readers where reader.isStopping { replace(reader) }
        for viewer in viewers { viewer.calm() }
    }

    private func writeSomething() { publish(random.index(below: plan.channels.count)) }

    private func publish(_ channel: Int, isReliable: Bool = false) {
        if let cluster { return cluster.publish(channel, isReliable: isReliable) }
        redis.publish(channel, isReliable: isReliable)
    }

    func replace(_ reader: SimulatedReader) {
        reader.crash()
        let next = SimulatedReader(world: self, number: reader.number, life: reader.life + 1)
        readers[reader.number] = next
        next.start()
    }
}

extension World {
    func fault() {
        guard isTurbulent else { return }
        let reader = random.pick(readers)
        let channel = plan.channels[random.index(below: plan.channels.count)]
        if let cluster, random.chance(600) { return fault(cluster, channel) }
        let number = random.index(below: plan.mayLoseData && cluster == nil ? 28 : 15)
        if let cluster, [5, 9, 13].contains(number) { return cluster.freezeShortly() }
        switch number {
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
        case 15, 16: redis.restart(for: random.micros(10_000...1_500_000), losing: .newest(random.number(1...5)))
        case 17, 18: redis.restart(for: random.micros(10_000...1_500_000), losing: .everything)
        case 19: redis.evict(channel)
        case 20: redis.replaceHistory(of: channel)
        case 21: redis.removeOne(channel)
        case 22, 23, 24:
            redis.cutReplica()
            after(random.micros(20_000...1_500_000)) { if self.isTurbulent { self.redis.failBack() } }
        case 25:
            redis.cutReplica()
            after(random.micros(20_000...1_500_000)) {
                guard self.isTurbulent else { return }
                self.redis.restart(for: self.random.micros(10_000...1_500_000), losing: .sinceReplica)
            }
        case 26: redis.failBack()
        default: redis.restartWriter()
        }
    }

    private func fault(_ cluster: SimulatedCluster, _ channel: Channel) {
        switch random.index(below: 7) {
        case 0, 1: cluster.failover(.killed)
        case 2, 3: cluster.failover(.frozen)
        case 4: cluster.failover(.partitioned)
        case 5: cluster.reshard(channel)
        default: if random.chance(700) { cluster.reshard(channel) } else { cluster.restartWriter() }
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
        for _ in 0..<random.number(5...15) { after(random.micros(0...3_000)) { self.publish(channel) } }
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
