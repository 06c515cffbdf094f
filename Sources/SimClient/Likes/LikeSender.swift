internal import Audience
internal import Primitives
internal import SocketLoop
internal import Wire

/// Likes photos over kept-alive connections, one request at a time on each, on a loop of its own.
final class LikeSender: SocketLoopHandler {
    enum Command: Sendable {
        /// Opens the connections, so that the first likes do not pay for it.
        case open
        /// People come from now on.
        case begin
        /// Nobody comes any more; who is there goes on to the end.
        case end
        case collect(@Sendable (Result) -> Void)
    }

    struct Result: Sendable {
        var requests: LikeSwarmReport.Requests
        var latency: LatencyHistogram
        var photos: [LikeSwarmReport.Photo]
    }

    struct Settings: Sendable {
        var services: ServerDirectory
        /// The photos' ids.
        var photos: [String]
        var connections: Int
        /// People who come in all, one for each free connection; 0: by ``rate``.
        var users: Int
        /// People who come each second.
        var rate: Double
        var ledger: LikeLedger
        /// An answer that takes longer counts as none.
        var answerSeconds: UInt64 = 10
    }

    /// What other threads may look at at any time.
    final class Board: Sendable {
        struct Snapshot: Sendable {
            var requests = LikeSwarmReport.Requests()
            var underWay = 0
            var usersStarted = 0
            var connections = 0
        }

        let now = Mutex(Snapshot())
    }

    private struct Connection {
        enum State {
            case closed, connecting, idle
            case busy(LikeLedger.Request, since: UInt64)
        }

        var state = State.closed
        var socket: SocketHandle?
        var scanner = AnswerScanner()
        let server: Int
    }

    private static let tick: UInt64 = 5_000_000
    private static let sweepEvery: UInt64 = 100_000_000
    private static let retryAfter: UInt64 = 200_000_000

    private let settings: Settings
    private let board: Board
    private var ledger: LikeLedger
    private var latency = LatencyHistogram()
    private var connections: [Connection]
    private var idle: [Int] = []
    private let heads: [(like: [UInt8], unlike: [UInt8])]
    private var isOpen = false
    private var begun: UInt64?
    private var isEnded = false
    private var lastAnswer: UInt64 = 0
    private var nextSweep: UInt64 = 0

    init(settings: Settings, board: Board) {
        self.settings = settings
        self.board = board
        ledger = settings.ledger
        let servers = settings.services.servers
        connections = (0..<settings.connections).map { Connection(server: $0 % max(servers.count, 1)) }
        heads = servers.map { (LikeRequestText.head("POST", $0.endpoint), LikeRequestText.head("DELETE", $0.endpoint)) }
    }

    func received(_ commands: [Command], sockets: Sockets) {
        for command in commands {
            switch command {
            case .open: open(sockets)
            case .begin: begun = begun ?? sockets.now
            case .end: isEnded = true
            case .collect(let reply): reply(result())
            }
        }
    }

    private func result() -> Result {
        Result(requests: requests, latency: latency, photos: ledger.truth())
    }

    private var requests: LikeSwarmReport.Requests {
        var requests = ledger.tally
        requests.unfinished = ledger.underWay
        if let begun, lastAnswer > begun { requests.seconds = Double(lastAnswer - begun) / 1e9 }
        return requests
    }

    func pass(sockets: Sockets) -> Bool {
        arrive(sockets.now)
        while !idle.isEmpty, let request = next(sockets.now) { send(request, sockets) }
        let snapshot = Board.Snapshot(
            requests: requests, underWay: ledger.underWay, usersStarted: ledger.usersStarted,
            connections: idle.count)
        board.now.withLock { $0 = snapshot }
        return false
    }

    /// By the clock, whatever became of those before; or, in a closed loop, see ``next(_:)``.
    private func arrive(_ now: UInt64) {
        guard let begun, !isEnded, settings.users == 0 else { return }
        let due = Int(Double(now - begun) / 1e9 * settings.rate)
        while ledger.tally.offered < due { ledger.arrive(now: now) }
    }

    private func next(_ now: UInt64) -> LikeLedger.Request? {
        if let request = ledger.next(now: now) { return request }
        guard begun != nil, !isEnded, ledger.tally.offered < settings.users, ledger.arrive(now: now) else { return nil }
        return ledger.next(now: now)
    }

    func timerFired(_ token: TimerToken, sockets: Sockets) {
        if sockets.now >= nextSweep {
            nextSweep = sockets.now + Self.sweepEvery
            sweep(sockets)
        }
        sockets.schedule(token, at: sockets.now + Self.tick)
    }

    // MARK: Requests

    private func send(_ request: LikeLedger.Request, _ sockets: Sockets) {
        guard let index = idle.popLast() else { return }
        guard let socket = connections[index].socket else { return }
        connections[index].state = .busy(request, since: sockets.now)
        let head = heads[connections[index].server]
        let bytes = LikeRequestText.request(
            head: request.liked ? head.like : head.unlike, user: LikeSwarmReport.userID(request.user),
            photo: settings.photos[request.photo])
        // A socket that broke is told by `socketClosed`.
        _ = sockets.send(bytes, to: socket)
    }

    private func answered(_ index: Int, status: Int, keepsAlive: Bool, _ sockets: Sockets) {
        guard case .busy(let request, _) = connections[index].state else { return drop(index, sockets) }
        lastAnswer = sockets.now
        if status == 200 {
            latency.record(microseconds: Int64((sockets.now - min(request.due, sockets.now)) / 1000))
            ledger.acknowledged(request, now: sockets.now)
        } else {
            ledger.failed(request, wasAnswered: true, again: sockets.now + Self.retryAfter)
        }
        connections[index].state = .closed
        if keepsAlive { becomeIdle(index) } else { drop(index, sockets) }
    }

    // MARK: Connections

    private func open(_ sockets: Sockets) {
        guard !isOpen else { return }
        isOpen = true
        sweep(sockets)
        sockets.schedule(TimerToken(kind: 0, value: 0), at: sockets.now + Self.tick)
    }

    /// Opens what is closed, ten times a second: a service that is away is not asked more often than that.
    private func sweep(_ sockets: Sockets) {
        for index in connections.indices {
            switch connections[index].state {
            case .closed: connect(index, sockets)
            case .busy(_, let since) where sockets.now > since + settings.answerSeconds * 1_000_000_000:
                drop(index, sockets)
            default: break
            }
        }
    }

    private func connect(_ index: Int, _ sockets: Sockets) {
        let address = settings.services[connections[index].server].address
        connections[index].socket = sockets.connect(to: address, tag: UInt32(index))
        connections[index].scanner = AnswerScanner()
        connections[index].state = connections[index].socket == nil ? .closed : .connecting
    }

    private func drop(_ index: Int, _ sockets: Sockets) {
        if let socket = connections[index].socket { sockets.close(socket) }
        ended(index, now: sockets.now)
    }

    private func ended(_ index: Int, now: UInt64) {
        switch connections[index].state {
        case .busy(let request, _): ledger.failed(request, wasAnswered: false, again: now + Self.retryAfter)
        case .idle: idle.removeAll { $0 == index }
        default: break
        }
        connections[index].state = .closed
        connections[index].socket = nil
    }

    private func becomeIdle(_ index: Int) {
        connections[index].state = .idle
        idle.append(index)
    }

    func socketConnected(_ socket: SocketHandle, sockets: Sockets) {
        if let index = sockets.tag(of: socket) { becomeIdle(Int(index)) }
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        ended(Int(tag), now: sockets.now)
    }

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        guard let index = sockets.tag(of: socket).map(Int.init) else { return }
        switch connections[index].scanner.receive(bytes) {
        case .incomplete: break
        case .malformed: drop(index, sockets)
        case .answer(let status, let keepsAlive): answered(index, status: status, keepsAlive: keepsAlive, sockets)
        }
    }
}

@available(*, unavailable)
extension LikeSender: Sendable {}
