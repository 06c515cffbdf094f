import Broker
import InMemory
import RedisNIO
import Wire

/// Redis as the Readers and writers meet it: the in-memory store behind connections that are slow, fail and break, and
/// what a replica has of it.
final class SimulatedRedis: SimulatedServer {
    private unowned let world: World
    private(set) var store: InMemoryStore
    private(set) var isUp = true
    /// Answers take long.
    var isSlow = false
    /// Something acknowledged was taken away, other than by what a gap tells at once.
    private(set) var hasLostData = false
    /// Changes with every restart: what was asked of the one before is never answered.
    private var run = 0
    /// Set while it is frozen: what was sent to it meanwhile, in order.
    private var unread: [() -> Void]?
    private var connections: [SubscriberConnection] = []
    /// What a replica had when it last heard from the master; `nil`: there is none.
    private var replica: InMemoryStore?
    /// What each writer knows to be acknowledged.
    private var writers: [AcknowledgedPositions]

    init(world: World) {
        self.world = world
        store = InMemoryStore(historyLength: world.plan.historyLength, seed: world.plan.seed)
        writers = Array(repeating: AcknowledgedPositions(), count: world.plan.writers)
    }

    // MARK: Writers

    /// A writer publishes a comment. Its acknowledgement may get lost; then nobody is owed anything.
    func publish(_ channel: Int, isReliable: Bool = false) {
        let fails = !isReliable && world.random.chance(world.plan.failures)
        let losesAnswer = fails && world.random.chance(500)
        let writer = world.random.index(below: writers.count)
        let known = writers[writer][world.plan.channels[channel]]
        arrive(after: isReliable ? 1_000_000 : world.latency()) {
            guard self.isUp, !fails || losesAnswer else {
                return self.world.note("a comment cannot be published on \(self.world.plan.channels[channel])")
            }
            let entry = self.append(to: channel, known: known)
            let run = self.run
            if losesAnswer { return }
            self.world.after(isReliable ? 1_000_000 : self.world.latency()) {
                guard run == self.run else { return }
                self.writers[writer].acknowledged(entry.position, in: self.world.plan.channels[channel])
                self.world.witness.acknowledged(entry.place, channel: channel)
            }
        }
    }

    private func append(to channel: Int, known: Position?) -> (place: Int, position: Position) {
        let name = world.plan.channels[channel]
        world.coverage.ignorantWriters += world.witness.excuse(
            store.position(of: name), known: known, channel: channel)
        // A virtual millisecond counts as a second: faults are as far apart as in life.
        let (position, frame) = store.append(
            Array("data: x\n\n".utf8), to: name, known: known, clock: world.now / 1_000_000)
        world.note("Redis: \(name) \(position) is published")
        let message = BrokerMessage(channel: name, position: position, frame: frame)
        for connection in connections { connection.offer(message) }
        return (world.witness.published(position, channel: channel), position)
    }

    /// A writer is started anew, and knows nothing.
    func restartWriter() {
        world.note("a writer is started anew")
        writers[world.random.index(below: writers.count)] = AcknowledgedPositions()
    }

    // MARK: Readers

    func connect(_ connection: SubscriberConnection) { connections.append(connection) }
    func refusal(ofSubscribing channel: String, isAsking: Bool) -> RedisError? { nil }
    func disconnect(_ connection: SubscriberConnection) { connections.removeAll { $0 === connection } }

    /// A question on a command connection: it takes its time to Redis and back, and may fail. `nil`: it failed.
    func ask<Answer>(_ question: @escaping (InMemoryStore) -> Answer, _ answered: @escaping (Answer?) -> Void) {
        let run = run
        let fails = world.isTurbulent && world.random.chance(world.plan.failures)
        arrive(after: world.latency()) {
            guard self.isUp, run == self.run, !fails else {
                return self.world.after(self.world.latency()) { answered(nil) }
            }
            let answer = question(self.store)
            self.world.after(self.answerLatency()) { answered(run == self.run ? answer : nil) }
        }
    }

    /// Something reaches Redis, which does it as soon as it runs.
    func arrive(after delay: UInt64, _ action: @escaping () -> Void) {
        world.after(delay) {
            if self.unread != nil { self.unread?.append(action) } else { action() }
        }
    }

    /// An answer may be so late that the subscriber has reconnected meanwhile, more than once.
    private func answerLatency() -> UInt64 {
        guard world.isTurbulent, isSlow || world.random.chance(world.plan.lateAnswers) else { return world.latency() }
        world.coverage.lateAnswers += 1
        return world.random.micros(100_000...2_500_000)
    }

    // MARK: Faults

    /// What is missing after it was away.
    enum Loss {
        case nothing
        /// So many of the newest comments of every channel.
        case newest(Int)
        /// What the replica does not have, which has taken over.
        case sinceReplica
        case everything
    }

    /// Goes away for a while.
    func restart(for pause: UInt64, losing loss: Loss = .nothing) {
        guard isUp else { return }
        world.coverage.restarts += 1
        world.note("Redis: stops, and will have lost \(loss)")
        isUp = false
        run += 1
        lose(loss)
        for connection in connections { connection.broken(within: 0) }
        connections = []
        thaw()
        let run = run
        world.after(pause) { if run == self.run { self.recover() } }
    }

    private func lose(_ loss: Loss) {
        if case .nothing = loss { return store.restart() }
        hasLostData = true
        world.coverage.lossyRestarts += 1
        switch loss {
        case .nothing: break
        case .newest(let count):
            store.restart(losing: Dictionary(uniqueKeysWithValues: world.plan.channels.map { ($0, count) }))
        case .sinceReplica:
            world.coverage.failovers += 1
            store.adopt(replica ?? store)
        case .everything:
            world.coverage.lostEpochs += 1
            store.loseEverything()
            replica = nil
        }
    }

    /// The replica is up to date, and hears nothing more from now on. Not while an epoch is about to end: one that comes
    /// back has no place in the order that the witness knows.
    func cutReplica() {
        guard !world.plan.channels.contains(where: { store.isForeign($0) }) else { return }
        world.note("Redis: its replica is cut off")
        replica = store
    }

    /// It becomes the replica of its replica, takes its data, and is the master again: in one process, and with all
    /// connections to it.
    func failBack() {
        guard isUp, let replica else { return }
        world.coverage.failbacks += 1
        world.note("Redis: takes the data of its replica")
        hasLostData = true
        store.adopt(replica)
    }

    /// Stops for a while with everything in its place (`SIGSTOP`).
    func freeze(for span: UInt64) {
        guard isUp, unread == nil else { return }
        world.coverage.freezes += 1
        world.note("Redis: is frozen for \(span / 1_000_000) ms")
        unread = []
        let run = run
        world.after(span) { if run == self.run { self.thaw() } }
    }

    private func thaw() {
        let waiting = unread ?? []
        unread = nil
        for action in waiting { action() }
    }

    func recover() {
        isSlow = false
        thaw()
        guard !isUp else { return }
        isUp = true
        world.note("Redis: is back")
    }

    /// Evicted, or expired: the history is gone, the position is not.
    func evict(_ channel: Channel) {
        world.coverage.evictions += 1
        world.note("Redis: evicts the history of \(channel)")
        store.evictHistory(of: channel)
    }

    func replaceHistory(of channel: Channel) {
        guard store.position(of: channel) != nil else { return }
        world.coverage.foreignValues += 1
        replica = nil
        world.note("Redis: somebody replaces the history of \(channel) by something else")
        store.replaceHistory(of: channel)
    }

    func removeOne(_ channel: Channel) {
        guard let newest = store.position(of: channel), newest.offset > 2 else { return }
        let offset = newest.offset - UInt64(world.random.index(below: 3))
        store.remove(offset: offset, from: channel)
        world.note("Redis: \(channel) \(offset).\(newest.epoch) is removed by a moderator")
        world.witness.removed(Position(offset: offset, epoch: newest.epoch), channel: channel)
    }
}
