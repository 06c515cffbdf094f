internal import CKernel
internal import Primitives

/// The loop itself, on its own thread.
final class LoopTurn<Handler: SocketLoopHandler> {
    /// Marks the wake-up descriptor in the epoll set; no socket has this generation and index together.
    private static var wakeMark: UInt64 { .max }

    private let handler: Handler
    private let mailbox: Mailbox<Handler.Command>
    private let poller: Int32
    private let sockets: Sockets
    private let scratch: UnsafeMutableRawBufferPointer
    private var commands: [Handler.Command] = []
    private var fired: [TimerToken] = []

    init(
        handler: Handler, mailbox: Mailbox<Handler.Command>, poller: Int32, limits: Sockets.Limits, receiveBytes: Int
    ) {
        self.handler = handler
        self.mailbox = mailbox
        self.poller = poller
        self.sockets = Sockets(limits: limits, poller: poller, now: MonotonicClock.now())
        self.scratch = .allocate(byteCount: receiveBytes, alignment: 16)
    }

    deinit { scratch.deallocate() }

    /// Runs until the mailbox is closed. `busyNanoseconds` is told, once a turn, how long the turn worked.
    func run(busyNanoseconds: (UInt64) -> Void) {
        _ = chorus_epoll_add(poller, mailbox.wakeDescriptor, UInt32(CHORUS_READABLE), Self.wakeMark)
        let ready = UnsafeMutableBufferPointer<chorus_ready>.allocate(capacity: Int(CHORUS_READY_MAX))
        defer { ready.deallocate() }
        var hasWork = false
        while !mailbox.isClosed {
            let timeout = hasWork ? 0 : sleepMilliseconds()
            let count = chorus_epoll_wait(poller, ready.baseAddress, timeout)
            let started = MonotonicClock.now()
            sockets.now = started
            for index in 0..<Int(max(count, 0)) { handle(ready[index]) }
            hasWork = work()
            sockets.now = MonotonicClock.now()
            busyNanoseconds(sockets.now - started)
            // A loop with much to do takes a core for long. Whoever waits for one has little to do: the thread that takes
            // messages from Redis, an API beside us. It goes first.
            if hasWork || count == CHORUS_READY_MAX { chorus_yield() }
        }
        // What was accepted before the mailbox closed may own descriptors: it is seen, so that nothing leaks.
        mailbox.take(into: &commands, heldWeight: handler.heldWeight)
        handler.received(commands, sockets: sockets)
        handler.stopping(sockets: sockets)
        sockets.forEach { sockets.discard($0) }
    }

    private func work() -> Bool {
        mailbox.take(into: &commands, heldWeight: handler.heldWeight)
        if !commands.isEmpty {
            handler.received(commands, sockets: sockets)
            commands.removeAll(keepingCapacity: commands.count < 4096)
        }
        sockets.wheel.expire(now: sockets.now, into: &fired)
        if !fired.isEmpty {
            for token in fired { handler.timerFired(token, sockets: sockets) }
            fired.removeAll(keepingCapacity: true)
        }
        let wantsMore = handler.pass(sockets: sockets)
        tellBroken()
        return wantsMore
    }

    private func sleepMilliseconds() -> Int32 {
        guard mailbox.fallAsleep(heldWeight: handler.heldWeight) else { return 0 }
        guard let wait = sockets.wheel.nanosecondsToNext(now: MonotonicClock.now()) else { return -1 }
        return Int32(min((wait + 999_999) / 1_000_000, 60_000))
    }

    private func handle(_ ready: chorus_ready) {
        guard ready.data != Self.wakeMark else { return mailbox.wokeUp() }
        let socket = SocketHandle(packed: ready.data)
        let events = Int(ready.events)
        if sockets.isConnecting(socket) { return finishConnecting(socket, events: events) }
        if events & CHORUS_WRITABLE != 0 {
            let error = sockets.flush(socket)
            if error != 0 { return end(socket, reason: CloseReason(errno: error)) }
            if sockets.backlogBytes(of: socket) == 0 { handler.socketDrained(socket, sockets: sockets) }
        }
        if events & (CHORUS_READABLE | CHORUS_PEER_CLOSED | CHORUS_HANGUP) != 0 { receive(socket) }
        tellBroken()
    }

    private func finishConnecting(_ socket: SocketHandle, events: Int) {
        guard events & (CHORUS_WRITABLE | CHORUS_HANGUP) != 0 else { return }
        let error = sockets.finishConnecting(socket)
        if error == 0 {
            handler.socketConnected(socket, sockets: sockets)
        } else {
            end(socket, reason: .connectFailed(errno: error))
        }
        tellBroken()
    }

    private func receive(_ socket: SocketHandle) {
        let count = sockets.receive(socket, into: scratch)
        switch count {
        case 1...:
            handler.received(UnsafeRawBufferPointer(rebasing: scratch[..<count]), from: socket, sockets: sockets)
        case 0:
            end(socket, reason: .peerClosed)
        case -Int(EAGAIN), -Int(EINTR), -Int(EBADF):
            break
        default:
            end(socket, reason: CloseReason(errno: Int32(-count)))
        }
    }

    private func end(_ socket: SocketHandle, reason: CloseReason) {
        guard let tag = sockets.tag(of: socket) else { return }
        sockets.discard(socket)
        handler.socketClosed(socket, tag: tag, reason: reason, sockets: sockets)
    }

    /// Tells the handler of sockets that broke under its own writes. Telling may break more.
    private func tellBroken() {
        while let (socket, tag, reason) = sockets.broken.popLast() {
            handler.socketClosed(socket, tag: tag, reason: reason, sockets: sockets)
        }
    }
}
