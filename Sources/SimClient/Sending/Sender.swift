internal import Primitives
internal import SocketLoop

/// What a ``Sender`` sends, and what becomes of the answers.
protocol RequestSource {
    associatedtype Work
    associatedtype Snapshot: Sendable

    /// What is sent next; only asked for when a connection is idle.
    mutating func next(now: UInt64) -> Work?
    /// Before anything is asked for: what is due comes in.
    mutating func arrive(now: UInt64)
    /// No connection is idle, or nothing is left: what must not wait is dropped.
    mutating func cannotWait()
    func request(_ work: Work, to endpoint: Endpoint) -> [UInt8]
    /// - Parameter answer: `nil` when there is none: the connection broke, or it took too long.
    mutating func answered(_ work: Work, _ answer: RequestPool<Work>.Answer?, now: UInt64)
    /// At most ten times a second.
    mutating func tick()
    /// How often what is due by the clock is looked for.
    static var tickNanoseconds: UInt64 { get }
    /// What other threads may see.
    var snapshot: Snapshot { get }
}

extension RequestSource {
    mutating func arrive(now: UInt64) {}
    mutating func cannotWait() {}
    mutating func tick() {}
    static var tickNanoseconds: UInt64 { 100_000_000 }
}

/// Sends what a source has over kept-alive connections, one request at a time on each, on a loop of its own.
final class Sender<Source: RequestSource>: LoopWorker {
    struct Seen: Sendable {
        var source: Source.Snapshot
        /// Connections that could take a request now.
        var idle = 0
    }

    private static var sweepNanoseconds: UInt64 { 100_000_000 }

    var source: Source
    private var pool: RequestPool<Source.Work>
    private let shared: Locked<Seen>
    private var nextSweep: UInt64 = 0
    private var isOpen = false

    init(_ source: Source, to servers: ServerDirectory, connections: Int, shared: Locked<Seen>) {
        self.source = source
        self.shared = shared
        pool = RequestPool(servers, connections: connections)
    }

    /// Opens the connections, so that the first requests do not pay for it.
    func open(_ sockets: Sockets) {
        guard !isOpen else { return }
        isOpen = true
        timerFired(TimerToken(kind: 0, value: 0), sockets: sockets)
    }

    func received(_ commands: [LoopCall<Sender>], sockets: Sockets) {
        for command in commands {
            command.body(self, sockets)
            // Who asks behind this call must see what it sent.
            send(sockets)
        }
    }

    private func send(_ sockets: Sockets) {
        source.arrive(now: sockets.now)
        while pool.idleCount > 0, let work = source.next(now: sockets.now) {
            pool.send(work, sockets) { source.request($0, to: $1) }
        }
        source.cannotWait()
    }

    func pass(sockets: Sockets) -> Bool {
        send(sockets)
        shared.value = Seen(source: source.snapshot, idle: pool.idleCount)
        return false
    }

    func timerFired(_ token: TimerToken, sockets: Sockets) {
        if sockets.now >= nextSweep {
            nextSweep = sockets.now + Self.sweepNanoseconds
            for work in pool.sweep(sockets) { source.answered(work, nil, now: sockets.now) }
            source.tick()
        }
        // Also what is due by now is sent in the pass behind this.
        sockets.schedule(token, at: sockets.now + Source.tickNanoseconds)
    }

    func socketConnected(_ socket: SocketHandle, sockets: Sockets) { pool.connected(socket, sockets) }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        if let work = pool.closed(tag: tag) { source.answered(work, nil, now: sockets.now) }
    }

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        guard let (work, answer) = pool.received(bytes, from: socket, sockets) else { return }
        source.answered(work, answer, now: sockets.now)
    }
}

@available(*, unavailable)
extension Sender: Sendable {}
