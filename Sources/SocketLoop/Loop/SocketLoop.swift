internal import CKernel
internal import Foundation
internal import Primitives

internal import struct Synchronization.Atomic

/// A thread with an epoll set: tens of thousands of sockets, one handler, no lock between a frame and its `write(2)`.
///
/// Handler and sockets are made on the thread and never leave it; other threads send commands. A turn is: ready sockets,
/// commands, timers, one pass of the handler's own work. The loop sleeps only when a turn left nothing to do.
public final class SocketLoop<Handler: SocketLoopHandler>: Sendable {
    public struct Settings: Sendable {
        public var name: String
        public var limits: Sockets.Limits
        /// Weight of commands that may wait in the mailbox.
        public var mailboxWeightMax: Int
        /// Bytes read from one socket in one call.
        public var receiveBytes: Int

        public init(
            name: String, limits: Sockets.Limits = .init(), mailboxWeightMax: Int = 64 << 20,
            receiveBytes: Int = 64 << 10
        ) {
            self.name = name
            self.limits = limits
            self.mailboxWeightMax = mailboxWeightMax
            self.receiveBytes = receiveBytes
        }
    }

    public struct NoDescriptor: Error, CustomStringConvertible {
        public let what: String
        public var description: String { "no descriptor is left for \(what)" }
    }

    private let settings: Settings
    private let mailbox: Mailbox<Handler.Command>
    private let poller: Int32
    private let makeHandler: @Sendable () -> Handler
    private let busyNanoseconds = Atomic<UInt64>(0)
    private let finished = Mutex<FinishState>(.running([]))

    private enum FinishState {
        case running([CheckedContinuation<Void, Never>])
        case finished
    }

    public init(settings: Settings, makeHandler: @escaping @Sendable () -> Handler) throws(NoDescriptor) {
        guard let mailbox = Mailbox<Handler.Command>(weightMax: settings.mailboxWeightMax) else {
            throw NoDescriptor(what: "the mailbox of \(settings.name)")
        }
        self.poller = chorus_epoll_create()
        guard poller >= 0 else { throw NoDescriptor(what: "the poller of \(settings.name)") }
        self.settings = settings
        self.mailbox = mailbox
        self.makeHandler = makeHandler
    }

    deinit { _ = closeDescriptor(poller) }

    /// Starts the thread. To be called once.
    public func start() {
        let thread = Thread { self.run() }
        thread.name = settings.name
        thread.start()
    }

    /// Sends a command. `false`: the loop has stopped, or the mailbox holds its maximum; then nothing was taken.
    ///
    /// - Parameter hasRoom: the sender has asked ``hasRoom(for:)`` before it did what cannot be taken back; the command
    ///   is then taken over the maximum too.
    @discardableResult
    public func submit(_ command: Handler.Command, weight: Int = 0, hasRoom: Bool = false) -> Bool {
        mailbox.submit(command, weight: weight, hasRoom: hasRoom)
    }

    public func hasRoom(for weight: Int) -> Bool { mailbox.hasRoom(for: weight) }

    /// Wall time that the thread has spent outside of waiting, in nanoseconds, since the start.
    public var busyTimeNanoseconds: UInt64 { busyNanoseconds.load(ordering: .relaxed) }

    /// Stops the loop after its current turn, closes all sockets, and returns when the thread is done.
    public func stop() async {
        mailbox.close()
        await withCheckedContinuation { continuation in
            let isOver = finished.withLock { state -> Bool in
                guard case .running(let waiting) = state else { return true }
                state = .running(waiting + [continuation])
                return false
            }
            if isOver { continuation.resume() }
        }
    }
}

// MARK: - On the thread

extension SocketLoop {
    /// Marks the wake-up descriptor in the epoll set; no socket has this generation and index together.
    private static var wakeMark: UInt64 { .max }

    private func run() {
        let sockets = Sockets(limits: settings.limits, poller: poller, now: MonotonicClock.now())
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: settings.receiveBytes, alignment: 16)
        defer { scratch.deallocate() }
        turn(makeHandler(), sockets, scratch)
        let waiting = finished.withLock { state -> [CheckedContinuation<Void, Never>] in
            defer { state = .finished }
            if case .running(let waiting) = state { return waiting }
            return []
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Turns until the mailbox is closed.
    private func turn(_ handler: Handler, _ sockets: Sockets, _ scratch: UnsafeMutableRawBufferPointer) {
        _ = chorus_epoll_add(poller, mailbox.wakeDescriptor, UInt32(CHORUS_READABLE), Self.wakeMark)
        let ready = UnsafeMutableBufferPointer<chorus_ready>.allocate(capacity: Int(CHORUS_READY_MAX))
        defer { ready.deallocate() }
        var commands: [Handler.Command] = []
        var fired: [TimerToken] = []
        var hasWork = false
        while !mailbox.isClosed {
            let timeout = hasWork ? 0 : sleepMilliseconds(handler, sockets)
            let count = chorus_epoll_wait(poller, ready.baseAddress, timeout)
            let started = MonotonicClock.now()
            sockets.now = started
            for index in 0..<Int(max(count, 0)) { handle(ready[index], handler, sockets, scratch) }
            mailbox.take(into: &commands, heldWeight: handler.heldWeight)
            if !commands.isEmpty {
                handler.received(commands, sockets: sockets)
                commands.removeAll(keepingCapacity: commands.count < 4096)
            }
            sockets.wheel.expire(now: sockets.now, into: &fired)
            for token in fired { handler.timerFired(token, sockets: sockets) }
            fired.removeAll(keepingCapacity: true)
            hasWork = handler.pass(sockets: sockets)
            reportBroken(handler, sockets)
            sockets.now = MonotonicClock.now()
            busyNanoseconds.wrappingAdd(sockets.now - started, ordering: .relaxed)
            // A loop with much to do takes a core for long. Whoever waits for one has little to do: the thread that takes
            // messages from Redis, an API beside us. It goes first.
            if hasWork || count == CHORUS_READY_MAX { chorus_yield() }
        }
        // Commands that were accepted before the mailbox closed may own descriptors: none may leak.
        mailbox.take(into: &commands, heldWeight: handler.heldWeight)
        handler.received(commands, sockets: sockets)
        handler.stopping(sockets: sockets)
        sockets.forEach { sockets.discard($0) }
    }

    private func sleepMilliseconds(_ handler: Handler, _ sockets: Sockets) -> Int32 {
        guard mailbox.prepareToSleep(heldWeight: handler.heldWeight) else { return 0 }
        guard let wait = sockets.wheel.nanosecondsToNext(now: MonotonicClock.now()) else { return -1 }
        return Int32(min((wait + 999_999) / 1_000_000, 60_000))
    }

    private func handle(
        _ ready: chorus_ready, _ handler: Handler, _ sockets: Sockets, _ scratch: UnsafeMutableRawBufferPointer
    ) {
        guard ready.data != Self.wakeMark else { return mailbox.wokeUp() }
        defer { reportBroken(handler, sockets) }
        let socket = SocketHandle(packed: ready.data)
        let events = Int(ready.events)
        if sockets.isConnecting(socket) {
            guard events & (CHORUS_WRITABLE | CHORUS_HANGUP) != 0 else { return }
            let error = sockets.finishConnecting(socket)
            guard error == 0 else { return end(socket, .connectFailed(errno: error), handler, sockets) }
            return handler.socketConnected(socket, sockets: sockets)
        }
        if events & CHORUS_WRITABLE != 0 {
            let error = sockets.flush(socket)
            if error != 0 { return end(socket, CloseReason(errno: error), handler, sockets) }
            if sockets.backlogBytes(of: socket) == 0 { handler.socketDrained(socket, sockets: sockets) }
        }
        guard events & (CHORUS_READABLE | CHORUS_PEER_CLOSED | CHORUS_HANGUP) != 0 else { return }
        let count = sockets.receive(socket, into: scratch)
        switch count {
        case 1...:
            handler.received(UnsafeRawBufferPointer(rebasing: scratch[..<count]), from: socket, sockets: sockets)
        case 0: end(socket, .peerClosed, handler, sockets)
        case -Int(EAGAIN), -Int(EINTR), -Int(EBADF): break
        default: end(socket, CloseReason(errno: Int32(-count)), handler, sockets)
        }
    }

    private func end(_ socket: SocketHandle, _ reason: CloseReason, _ handler: Handler, _ sockets: Sockets) {
        guard let tag = sockets.tag(of: socket) else { return }
        sockets.discard(socket)
        handler.socketClosed(socket, tag: tag, reason: reason, sockets: sockets)
    }

    /// Reports sockets that broke under the handler's own writes. The handler may break more of them meanwhile.
    private func reportBroken(_ handler: Handler, _ sockets: Sockets) {
        while let (socket, tag, reason) = sockets.broken.popLast() {
            handler.socketClosed(socket, tag: tag, reason: reason, sockets: sockets)
        }
    }
}
