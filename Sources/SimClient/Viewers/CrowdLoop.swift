internal import Audience
internal import Primitives
internal import SocketLoop
internal import Wire

/// Carries a crowd on a socket loop: sockets, timers and clocks on one side, ``Crowd`` on the other.
final class CrowdLoop: SocketLoopHandler {
    enum Command: Sendable {
        /// All viewers connect, as fast as the limit of connects in progress lets them.
        case connect
        /// Latencies are recorded for comments published from now on.
        case measure(fromMicroseconds: Int64)
        /// What was written, by channel name: every viewer has to get all of it.
        case expect([String: ChannelComments])
        /// The positions that were acknowledged until `microseconds`, while publishing goes on. Ignored while the one
        /// before is not reached: otherwise a crowd that is a little behind would never reach any.
        case seek([String: [Position]], microseconds: Int64)
        case collect(@Sendable (CrowdOutcome) -> Void)
    }

    private enum Timer {
        static let tick: UInt32 = 0
        static let rest: UInt32 = 1
    }

    private static let tickNanoseconds: UInt64 = 20_000_000
    /// A tick that comes later than this is a sign that the loop has too much to do.
    private static let lateNanoseconds: UInt64 = 100_000_000
    /// Arrivals are recorded at least this often, so that a long turn does not blur them.
    private static let arrivalMicroseconds: Int64 = 200

    private var crowd: Crowd
    private let board: CrowdBoard
    private let completed: @Sendable ([Int]) -> Void
    private var written: [Int: ChannelComments]?
    private var goals: [Int: [Position]]?
    private var sought: (goals: [Int: [Position]], microseconds: Int64)?
    private var wholeThrough: Int64 = 0
    private var arrivalsAt: Int64 = 0
    private var startedAt: UInt64 = 0
    private var settledAt: UInt64 = 0
    private var second: UInt32 = 0
    private var ticks = 0
    private var lateTicks = 0
    private var tickDue: UInt64 = 0

    /// - Parameter completed: is told, in a closed loop, the channel's number for each comment that all viewers have.
    init(settings: CrowdSettings, board: CrowdBoard, completed: @escaping @Sendable ([Int]) -> Void = { _ in }) {
        crowd = Crowd(settings)
        self.board = board
        self.completed = completed
    }

    func received(_ commands: [Command], sockets: Sockets) {
        for command in commands {
            switch command {
            case .connect: start(sockets)
            case .measure(let microseconds): crowd.latencies.measuredFrom = microseconds
            case .expect(let all):
                written = ofOurChannels(all)
                goals = written?.mapValues(\.ends)
            case .seek(let positions, let microseconds):
                if sought == nil { sought = (ofOurChannels(positions), microseconds) }
            case .collect(let reply): reply(outcome())
            }
        }
    }

    func pass(sockets: Sockets) -> Bool {
        recordArrivals()
        guard startedAt > 0 else { return false }
        while let member = crowd.nextToConnect(second: second) { connect(member, sockets) }
        noteSettled()
        return false
    }

    private func recordArrivals() {
        if !crowd.dirtyChannels.isEmpty { crowd.recordArrivals(microseconds: CrowdLoop.timeOfDay()) }
        guard !crowd.completed.isEmpty else { return }
        completed(crowd.completed)
        crowd.completed.removeAll(keepingCapacity: true)
    }

    private static func timeOfDay() -> Int64 { Int64(WallClock.nanoseconds() / 1000) }
}

// MARK: - Sockets

extension CrowdLoop {
    private func connect(_ member: Int, _ sockets: Sockets) {
        crowd.members[member].socket = sockets.connect(
            to: crowd.server(of: member).address, tag: UInt32(member))
        if crowd.members[member].socket == nil { ended(member, sockets) }
    }

    func socketConnected(_ socket: SocketHandle, sockets: Sockets) {
        guard let member = member(of: socket, sockets) else { return }
        // A socket that broke at once is told by `socketClosed`.
        _ = sockets.send(crowd.request(of: member), to: socket)
    }

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        guard let member = member(of: socket, sockets) else { return }
        let now = CrowdLoop.timeOfDay()
        if now - arrivalsAt > CrowdLoop.arrivalMicroseconds {
            if arrivalsAt > 0 { crowd.recordArrivals(microseconds: now) }
            arrivalsAt = now
        }
        switch crowd.received(bytes, member, microseconds: now, second: second) {
        case .none: break
        case .stopReading: sockets.pauseReading(socket)
        case .close: close(member, sockets)
        case .closeAndRest(let milliseconds):
            close(member, sockets)
            rest(member, milliseconds, sockets)
        }
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        let member = Int(tag)
        guard crowd.members[member].socket == socket else { return }
        ended(member, sockets)
    }

    private func ended(_ member: Int, _ sockets: Sockets) {
        crowd.members[member].socket = nil
        if let milliseconds = crowd.ended(member) { rest(member, milliseconds, sockets) }
    }

    private func close(_ member: Int, _ sockets: Sockets) {
        if let socket = crowd.members[member].socket { sockets.close(socket) }
        crowd.members[member].socket = nil
    }

    private func rest(_ member: Int, _ milliseconds: Int, _ sockets: Sockets) {
        sockets.schedule(
            TimerToken(kind: Timer.rest, value: UInt64(member)), at: sockets.now + UInt64(milliseconds) * 1_000_000)
    }

    /// The viewer whose connection this is; `nil` when it has another one by now.
    private func member(of socket: SocketHandle, _ sockets: Sockets) -> Int? {
        guard let member = sockets.tag(of: socket).map(Int.init), crowd.members[member].socket == socket else {
            return nil
        }
        return member
    }
}

// MARK: - Time

extension CrowdLoop {
    private func start(_ sockets: Sockets) {
        guard startedAt == 0 else { return }
        startedAt = sockets.now
        crowd.start()
        scheduleTick(sockets)
    }

    private func scheduleTick(_ sockets: Sockets) {
        tickDue = sockets.now + CrowdLoop.tickNanoseconds
        sockets.schedule(TimerToken(kind: Timer.tick, value: 0), at: tickDue)
    }

    func timerFired(_ token: TimerToken, sockets: Sockets) {
        if token.kind == Timer.rest { return crowd.rested(Int(token.value)) }
        ticks += 1
        if MonotonicClock.now() > tickDue + CrowdLoop.lateNanoseconds { lateTicks += 1 }
        let now = UInt32((sockets.now - startedAt) / 1_000_000_000)
        if now != second {
            second = now
            closeSilent(sockets)
        }
        post()
        scheduleTick(sockets)
    }

    private func closeSilent(_ sockets: Sockets) {
        for member in crowd.silent(second: second) {
            close(member, sockets)
            ended(member, sockets)
        }
    }
}

// MARK: - What others see

extension CrowdLoop {
    /// Called before each look at the board too: who sees that all are settled must also see when.
    private func noteSettled() {
        if settledAt == 0, crowd.unsettled == 0 { settledAt = MonotonicClock.now() }
    }

    private func post() {
        noteSettled()
        let counts = crowd.audit.counted
        let short = goals.map { crowd.audit.viewersShort(of: $0) }
        let away = crowd.members.reduce(0) { $0 + ($1.isSlow || $1.machine.state == .watching ? 0 : 1) }
        let behind = sought.map { crowd.audit.viewersShort(of: $0.goals) } ?? 0
        if let sought, away == 0, behind == 0 {
            wholeThrough = sought.microseconds
            self.sought = nil
        }
        board.update { snapshot in
            snapshot.tally = crowd.tally
            snapshot.unsettled = crowd.unsettled
            snapshot.settledAt = settledAt
            snapshot.delivered = counts.delivered
            snapshot.reconnects = counts.reconnects
            snapshot.short = short
            snapshot.away = away
            snapshot.behind = behind
            snapshot.wholeThrough = wholeThrough
            snapshot.ticks = ticks
            snapshot.lateTicks = lateTicks
        }
    }

    /// By the crowd's own numbers of channels.
    private func ofOurChannels<Value>(_ values: [String: Value]) -> [Int: Value] {
        let audience = crowd.settings.audience
        var ours: [Int: Value] = [:]
        for (index, channel) in crowd.channels.enumerated() {
            ours[index] = values[audience.channelName(channel.number)]
        }
        return ours
    }

    private func outcome() -> CrowdOutcome {
        recordArrivals()
        return CrowdOutcome(
            tally: crowd.tally, wanted: crowd.members.count, counts: crowd.verdict(written: written),
            latency: crowd.latencies.sinceSent, latencyFromDue: crowd.latencies.sinceDue)
    }
}

@available(*, unavailable)
extension CrowdLoop: Sendable {}
