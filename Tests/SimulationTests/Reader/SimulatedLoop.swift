import SocketLoop

@testable import Fanout

/// One loop of a Reader: the real one, with a mailbox and turns in virtual time.
final class SimulatedLoop {
    private unowned let world: World
    private unowned let reader: SimulatedReader
    private let number: Int
    private let sockets: SimulatedSockets
    private var loop: FanoutLoop<SimulatedSockets>!
    private var mailbox: [LoopCommand] = []
    private var weight = 0
    private var fired: [TimerToken] = []
    private var hungUp: [SocketHandle] = []
    private var drained: [SocketHandle] = []
    private var isScheduled = false
    private var stalledUntil: UInt64 = 0
    private var isAlive = true

    init(reader: SimulatedReader, number: Int) {
        self.reader = reader
        self.number = number
        world = reader.world
        sockets = SimulatedSockets(world: reader.world)
        let plan = world.plan
        let settings = FanoutLoopSettings(
            writesPerSlice: plan.writesPerSlice, flushIntervalNanoseconds: plan.seed % 4 == 0 ? 3_000_000 : 0,
            retainedBytesMax: plan.retainedBytes, historyBytesMax: plan.missedBytes, pieceBytes: plan.pieceBytes,
            heartbeatNanoseconds: plan.heartbeat, seed: plan.seed | 1)
        loop = FanoutLoop(settings: settings) { [unowned reader] in reader.departed($0, loop: number) }
        sockets.onTimer = { [unowned self] token in
            fired.append(token)
            schedule()
        }
    }

    func hasRoom(for bytes: Int) -> Bool { weight == 0 || weight + bytes <= world.plan.mailboxBytes }

    func submit(_ command: LoopCommand, weight added: Int = 0) {
        precondition(added == 0 || hasRoom(for: added), "frames for which the loop has no room")
        mailbox.append(command)
        weight += added
        schedule()
    }

    /// The stream's attachment follows.
    func open(_ stream: SimulatedStream) {
        stream.loop = self
        sockets.offer(stream)
    }

    /// The viewer's side of a connection has gone.
    func hangUp(_ stream: SimulatedStream) {
        guard isAlive, let socket = stream.socket else { return }
        hungUp.append(socket)
        schedule()
    }

    /// The kernel has everything that was written to a connection.
    func drained(_ stream: SimulatedStream) {
        guard isAlive, let socket = stream.socket else { return }
        drained.append(socket)
        schedule()
    }

    private func schedule() {
        guard isAlive, !isScheduled else { return }
        isScheduled = true
        let start = max(stalledUntil, world.now + world.random.micros(10...800))
        world.after(start - world.now) {
            self.isScheduled = false
            if self.isAlive { self.turn() }
        }
    }

    /// A turn of `SocketLoop`: sockets, commands, timers, a pass, and those that broke under the writes.
    private func turn() {
        let closed = hungUp
        hungUp = []
        for socket in closed where sockets.isOpen(socket) {
            let tag = sockets.tag(of: socket) ?? 0
            sockets.close(socket)
            loop.socketClosed(socket, tag: tag, reason: .peerClosed, sockets: sockets)
        }
        let ready = drained
        drained = []
        for socket in ready where sockets.isOpen(socket) && sockets.backlogBytes(of: socket) == 0 {
            loop.socketDrained(socket, sockets: sockets)
        }
        let commands = mailbox
        mailbox = []
        weight = loop.heldWeight
        for command in commands { loop.received(command, sockets: sockets) }
        let tokens = fired
        fired = []
        for token in tokens { loop.timerFired(token, sockets: sockets) }
        let wantsMore = loop.pass(sockets: sockets)
        while let (socket, tag) = sockets.broken.popLast() {
            world.coverage.slowConsumers += 1
            loop.socketClosed(socket, tag: tag, reason: .slowConsumer, sockets: sockets)
        }
        // As the loop falls asleep it states once more what it holds.
        if wantsMore || !mailbox.isEmpty { schedule() } else { weight = loop.heldWeight }
    }

    func stall(_ span: UInt64) {
        world.note("\(reader): a loop stalls for \(span / 1_000_000) ms")
        stalledUntil = world.now + span
    }

    func crash() {
        isAlive = false
        sockets.crash()
    }
}
