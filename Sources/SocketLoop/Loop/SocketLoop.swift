internal import CKernel
internal import Foundation
internal import Synchronization

/// A thread with an epoll set: tens of thousands of sockets, one handler, no lock on the way of a byte.
///
/// The handler and the sockets are made on the thread and never leave it; everybody else sends commands. A turn is:
/// commands, ready sockets, timers, one pass of the handler's own work. The loop sleeps only when a turn left nothing.
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
        mailbox.submit([command], weight: weight, hasRoom: hasRoom)
    }

    @discardableResult
    public func submit(contentsOf commands: [Handler.Command], weight: Int) -> Bool {
        mailbox.submit(commands, weight: weight)
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

    private func run() {
        let turn = LoopTurn(
            handler: makeHandler(), mailbox: mailbox, poller: poller, limits: settings.limits,
            receiveBytes: settings.receiveBytes)
        turn.run(busyNanoseconds: { self.busyNanoseconds.wrappingAdd($0, ordering: .relaxed) })
        let waiting = finished.withLock { state -> [CheckedContinuation<Void, Never>] in
            defer { state = .finished }
            if case .running(let waiting) = state { return waiting }
            return []
        }
        for continuation in waiting { continuation.resume() }
    }
}
