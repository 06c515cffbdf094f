internal import Primitives
internal import SocketLoop
internal import Wire

internal import struct Synchronization.Atomic

/// Writes comments over kept-alive connections, one request at a time on each, on a loop of its own.
///
/// Open loop: what comes in goes out at once, or is counted as dropped. Nothing waits for a free connection, since a
/// comment that is written late would hide how slow the service was. With a ``ClosedLoop`` that loop says what is written,
/// and waits.
final class Publisher: SocketLoopHandler {
    enum Command: Sendable {
        /// Opens the connections, so that the first comments do not pay for it.
        case open
        case publish([Draft])
        case beginClosedLoop
        case endClosedLoop
        /// Channels of comments that all viewers have by now.
        case completed([Int])
        /// A body for `POST /client-statistics`; dropped when the report before is still under way.
        case report([UInt8])
        case collect(@Sendable (PublishTally) -> Void)
    }

    /// What other threads may look at at any time; the channels only come with `collect`.
    final class Board: Sendable {
        let tally = Mutex(PublishTally())
        /// Reports that StatsAPI has answered.
        let reports = Atomic(0)
        /// Connections that could take a comment now.
        let idle = Atomic(0)
    }

    private struct Connection {
        enum State: Equatable {
            case closed, connecting, idle
            case busy(channel: Int, number: Int, digest: UInt64, since: UInt64)
        }

        var state = State.closed
        var socket: SocketHandle?
        var exchange = Exchange()
        var server = 0
    }

    private static let sweepTimer: UInt32 = 0
    private static let sweepNanoseconds: UInt64 = 100_000_000

    private let settings: PublisherSettings
    private let board: Board
    private var tally = PublishTally()
    private var connections: [Connection]
    /// Numbers of idle connections; the one used last is used next, so that spare ones stay untouched.
    private var idle: [Int] = []
    /// The connection for reports, behind the others.
    private let reporter: Int
    private var number = 0
    private var closedLoop: ClosedLoop?
    private var isOpen = false

    init(settings: PublisherSettings, board: Board) {
        self.settings = settings
        self.board = board
        closedLoop = settings.closedLoop
        reporter = settings.connections
        connections = (0...settings.connections).map {
            Connection(server: $0 % max(settings.services.servers.count, 1))
        }
        connections[reporter].server = 0
    }

    func received(_ commands: [Command], sockets: Sockets) {
        for command in commands {
            switch command {
            case .open: open(sockets)
            case .publish(let drafts):
                for draft in drafts { publish(draft, sockets) }
            case .beginClosedLoop: closedLoop?.begin()
            case .endClosedLoop: closedLoop?.end()
            case .completed(let channels): closedLoop?.completed(channels)
            case .report(let body): report(body, sockets)
            case .collect(let reply): reply(tally)
            }
        }
    }

    func pass(sockets: Sockets) -> Bool {
        while !idle.isEmpty, let draft = closedLoop?.next() { publish(draft, sockets) }
        var snapshot = tally
        snapshot.channels = [:]
        board.tally.withLock { $0 = snapshot }
        board.idle.store(idle.count, ordering: .relaxed)
        return false
    }

    func timerFired(_ token: TimerToken, sockets: Sockets) {
        sweep(sockets)
        closedLoop?.retry()
        sockets.schedule(token, at: sockets.now + Self.sweepNanoseconds)
    }
}

// MARK: - Comments

extension Publisher {
    private func publish(_ draft: Draft, _ sockets: Sockets) {
        tally.offered += 1
        number += 1
        guard let connection = idle.popLast(), let socket = connections[connection].socket else {
            tally.dropped += 1
            return
        }
        let text =
            draft.text
            ?? CommentText.text(
                shard: settings.shard, number: number, sent: Publisher.sendTime(draft), bytes: settings.commentBytes)
        let comment = CommentRequest(userid: draft.userid, videoid: draft.videoid, comment: text)
        let endpoint = settings.services[connections[connection].server].endpoint
        let request =
            settings.streamProtocol == .plain
            ? RequestText.commentPlainly(comment, to: endpoint) : RequestText.comment(comment, to: endpoint)
        connections[connection].state = .busy(
            channel: draft.channel, number: number, digest: CommentText.digest(of: text), since: sockets.now)
        tally.started += 1
        // A socket that broke is told by `socketClosed`, which counts the comment as unknown.
        _ = sockets.send(request, to: socket)
    }

    private static func sendTime(_ draft: Draft) -> CommentText.SendTime {
        let now = MonotonicClock.now()
        let late = draft.due.map { Int64(now - min($0, now)) / 1000 } ?? 0
        return CommentText.SendTime(at: Int64(WallClock.nanoseconds() / 1000), late: late)
    }

    private func report(_ body: [UInt8], _ sockets: Sockets) {
        guard let server = settings.statistics?[0] else { return }
        guard case .idle = connections[reporter].state, let socket = connections[reporter].socket else { return }
        connections[reporter].state = .busy(channel: 0, number: 0, digest: 0, since: sockets.now)
        _ = sockets.send(RequestText.post("/client-statistics", to: server.endpoint, json: body), to: socket)
    }
}

// MARK: - Connections

extension Publisher {
    private func open(_ sockets: Sockets) {
        guard !isOpen else { return }
        isOpen = true
        sweep(sockets)
        sockets.schedule(TimerToken(kind: Self.sweepTimer, value: 0), at: sockets.now + Self.sweepNanoseconds)
    }

    /// Opens what is closed, ten times a second: a service that is away is not asked more often than that. Closes what
    /// waits too long for an answer.
    private func sweep(_ sockets: Sockets) {
        let patience = UInt64(settings.answerSeconds) * 1_000_000_000
        for index in connections.indices {
            switch connections[index].state {
            case .closed: connect(index, sockets)
            case .busy(_, _, _, let since) where sockets.now > since + patience: drop(index, sockets)
            default: break
            }
        }
    }

    private func connect(_ index: Int, _ sockets: Sockets) {
        let directory = index == reporter ? settings.statistics : settings.services
        guard let server = directory?[connections[index].server] else { return }
        connections[index].socket = sockets.connect(to: server.address, tag: UInt32(index))
        connections[index].exchange = Exchange()
        connections[index].state = connections[index].socket == nil ? .closed : .connecting
    }

    private func drop(_ index: Int, _ sockets: Sockets) {
        if let socket = connections[index].socket { sockets.close(socket) }
        ended(index)
    }

    private func ended(_ index: Int) {
        switch connections[index].state {
        case .busy(let channel, _, let digest, _) where index != reporter:
            tally.lost(channel: channel, digest: digest)
            closedLoop?.failed(channel)
        case .idle: idle.removeAll { $0 == index }
        default: break
        }
        connections[index].state = .closed
        connections[index].socket = nil
    }

    func socketConnected(_ socket: SocketHandle, sockets: Sockets) {
        guard let index = sockets.tag(of: socket).map(Int.init) else { return }
        becomeIdle(index)
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        ended(Int(tag))
    }

    private func becomeIdle(_ index: Int) {
        connections[index].state = .idle
        if index != reporter { idle.append(index) }
    }

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        guard let index = sockets.tag(of: socket).map(Int.init) else { return }
        do {
            guard let answer = try connections[index].exchange.receive(bytes) else { return }
            answered(index, answer, sockets)
        } catch {
            drop(index, sockets)
        }
    }

    private func answered(_ index: Int, _ answer: Exchange.Answer, _ sockets: Sockets) {
        guard case .busy(let channel, let number, let digest, _) = connections[index].state else {
            return drop(index, sockets)
        }
        if index != reporter {
            count(answer, channel, number, digest)
        } else {
            board.reports.add(1, ordering: .relaxed)
        }
        connections[index].state = .closed
        if answer.head.keepsAlive { becomeIdle(index) } else { drop(index, sockets) }
    }
}

extension Publisher {
    private func count(_ answer: Exchange.Answer, _ channel: Int, _ number: Int, _ digest: UInt64) {
        let status = answer.head.status
        let before = tally.acknowledged
        switch settings.streamProtocol {
        case .chorus:
            tally.answered(
                PublishOutcome(status: status, body: answer.body), channel: channel,
                digest: digest, number: settings.remembers ? number : nil,
                microseconds: Int64(WallClock.nanoseconds() / 1000))
        case .plain: tally.answeredPlainly(status: status, channel: channel, digest: digest)
        }
        if tally.acknowledged == before { closedLoop?.failed(channel) }
    }
}

@available(*, unavailable)
extension Publisher: Sendable {}
