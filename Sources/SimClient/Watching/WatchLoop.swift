internal import Primitives
internal import SocketLoop

/// Carries one ``WatchViewer`` on a socket loop.
final class WatchLoop: SocketLoopHandler {
    enum Command: Sendable {
        case connect
    }

    /// What other threads may look at.
    final class Board: Sendable {
        struct Snapshot: Sendable {
            var isConnected = false
            var connects = 0
            var consumed = 0
            /// Position of the newest comment, as text.
            var position = ""
            var reader: String?
            var hasGivenUp = false
        }

        let snapshot = Mutex(Snapshot())
    }

    private static let checkTimer: UInt32 = 0
    private static let restTimer: UInt32 = 1
    private static let second: UInt64 = 1_000_000_000
    private static let connectSeconds: UInt64 = 15
    private static let silenceSeconds: UInt64 = 60

    private let settings: WatchSettings
    private var directory: ServerDirectory
    private let board: Board
    private let say: @Sendable (String) -> Void
    private var viewer = WatchViewer()
    private var socket: SocketHandle?
    private var server = 0
    /// Where a redirect led, for the one request that follows it.
    private var target: String?
    private var heardAt: UInt64 = 0

    init(
        settings: WatchSettings, readers: ServerDirectory, board: Board, say: @escaping @Sendable (String) -> Void
    ) {
        self.settings = settings
        self.directory = readers
        self.board = board
        self.say = say
        server = Int.random(in: 0..<settings.readers.count)
    }

    func received(_ commands: [Command], sockets: Sockets) {
        guard !commands.isEmpty, socket == nil else { return }
        connect(sockets)
        sockets.schedule(TimerToken(kind: Self.checkTimer, value: 0), at: sockets.now + Self.second)
    }

    private func connect(_ sockets: Sockets) {
        viewer.begin()
        heardAt = sockets.now
        socket = sockets.connect(to: directory[server].address)
        if socket == nil { act(viewer.ended(draw: draw()), "no connection could be started", sockets) }
    }

    func socketConnected(_ socket: SocketHandle, sockets: Sockets) {
        let request = RequestText.connect(
            userid: settings.userid, videoid: settings.videoid,
            lastEventID: viewer.lastEventID.isEmpty ? nil : viewer.lastEventID, to: directory[server].endpoint,
            target: target)
        _ = sockets.send(request, to: socket)
    }

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        guard socket == self.socket else { return }
        heardAt = sockets.now
        let (notes, step) = viewer.received(bytes, draw: draw())
        for note in notes {
            post(note)
            say(WatchLine.text(note))
        }
        act(step, "the connection ended", sockets)
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        guard socket == self.socket else { return }
        self.socket = nil
        server = Int.random(in: 0..<settings.readers.count)
        act(viewer.ended(draw: draw()), "disconnected (\(reason))", sockets)
    }

    func timerFired(_ token: TimerToken, sockets: Sockets) {
        if token.kind == Self.restTimer {
            if viewer.rested() { connect(sockets) }
            return
        }
        let limit = viewer.machine.state == .watching ? Self.silenceSeconds : Self.connectSeconds
        if socket != nil, sockets.now > heardAt + limit * Self.second {
            act(viewer.ended(draw: draw()), "the Reader was silent for \(limit) s", sockets)
        }
        sockets.schedule(token, at: sockets.now + Self.second)
    }

    private func act(_ step: ViewerMachine.Step, _ reason: String, _ sockets: Sockets) {
        if step == .stay { return }
        if let socket { sockets.close(socket) }
        socket = nil
        target = nil
        board.snapshot.withLock { $0.isConnected = false }
        switch step {
        case .stay, .queue: break
        case .follow(let location):
            if let followed = directory.number(forLocation: location) {
                server = followed
                target = Endpoint.target(ofLocation: location)
            }
            connect(sockets)
        case .wait(let milliseconds):
            say(WatchLine.ended(reason, milliseconds: milliseconds))
            sockets.schedule(
                TimerToken(kind: Self.restTimer, value: 0), at: sockets.now + UInt64(milliseconds) * 1_000_000)
        case .giveUp:
            say("-- \(reason); gave up")
            board.snapshot.withLock { $0.hasGivenUp = true }
        }
    }

    private func post(_ note: WatchViewer.Note) {
        board.snapshot.withLock { snapshot in
            switch note {
            case .connected:
                snapshot.isConnected = true
                snapshot.connects += 1
                snapshot.reader = directory[server].endpoint.description
            case .comment(_, _, _, let position):
                snapshot.consumed += 1
                snapshot.position = position
            default: break
            }
        }
    }

    private func draw() -> Double { Double.random(in: 0..<1) }
}

@available(*, unavailable)
extension WatchLoop: Sendable {}
