internal import SocketLoop

/// A Reader's loop: the shell that lends a ``LoopDesk`` its sockets.
final class FanoutHandler: SocketLoopHandler {
    private let desk: LoopDesk<Sockets>

    init(settings: LoopDesk<Sockets>.Settings, tell: @escaping @Sendable (LoopReport) -> Void) {
        desk = LoopDesk(settings: settings, tell: tell)
    }

    var heldWeight: Int { desk.pendingBytes }

    func received(_ commands: [LoopCommand], sockets: Sockets) {
        for command in commands { desk.received(command, sockets: sockets) }
    }

    func pass(sockets: Sockets) -> Bool { desk.pass(sockets: sockets) }

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        desk.received(bytes, from: socket, sockets: sockets)
    }

    func socketDrained(_ socket: SocketHandle, sockets: Sockets) { desk.socketDrained(socket, sockets: sockets) }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        desk.socketClosed(socket, tag: tag, reason: reason)
    }

    func timerFired(_ token: TimerToken, sockets: Sockets) { desk.timerFired(token, sockets: sockets) }

    func stopping(sockets: Sockets) { desk.stopping(sockets: sockets) }
}
