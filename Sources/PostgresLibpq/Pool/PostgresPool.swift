import Dispatch
public import Logging
import Primitives

import struct Synchronization.Atomic

/// N sessions, each owned by one thread, and a bounded queue of jobs in front of them.
///
/// libpq blocks, so it never runs on a thread of SwiftNIO or of Swift's concurrency. A job is a closure that runs on
/// a session's thread from beginning to end; `async` exists on the caller's side only. While no session is up, jobs
/// are refused at once.
public final class PostgresPool: Sendable {
    /// Runs once: with a session on its thread, or with the reason why there is none, on any thread.
    public typealias Work = @Sendable (Result<PostgresConnection, PostgresError>) -> Void

    public let configuration: PostgresConfiguration
    let logger: Logger
    let state: Mutex<PoolState<Work>>
    /// One a thread: it sleeps here when it has nothing to do or waits before the next connection attempt.
    let alarms: [DispatchSemaphore]
    private let lastID = Atomic<UInt64>(0)
    /// The host of several that the next connection attempt begins with.
    let firstHost = Atomic(0)
    let hasPooler = Atomic(false)
    private let stopWaiters = Mutex<[CheckedContinuation<Void, Never>]>([])

    /// Makes the pool; no connection is opened before ``start()``. Jobs may be submitted before, and wait.
    public init(configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        state = Mutex(PoolState(queueMax: max(1, configuration.queueMax)))
        alarms = (0..<min(max(configuration.connections, 1), 64)).map { _ in DispatchSemaphore(value: 0) }
    }

    /// Whether a session is up, so that a job would begin at once or after the ones before it.
    public var isReady: Bool { state.withLock { $0.isReady } }

    /// Why there is no session; `nil` while one is up, or none was tried yet.
    public var outage: PostgresError? { state.withLock { $0.outage } }

    public var statistics: PoolStatistics { state.withLock { $0.snapshot } }

    /// Starts the threads, which connect on their own and again after every loss. A second call does nothing.
    public func start() {
        guard state.withLock({ $0.started(threads: alarms.count) }) else { return }
        for number in alarms.indices { startThread(number) }
    }

    /// Takes nothing new, lets what waits finish, closes all sessions and returns then.
    public func stop() async {
        guard state.withLock({ $0.stop() }) else { return }
        await withCheckedContinuation { continuation in
            stopWaiters.withLock { $0.append(continuation) }
            for alarm in alarms { alarm.signal() }
            // The threads may have ended before the continuation stood in the list.
            if state.withLock({ $0.phase == .stopped }) { allThreadsEnded() }
        }
    }

    /// Hands a job over and returns at once. A job that cannot be queued is called with its error before that, on the
    /// caller's thread: hold no lock.
    public func submit(_ work: @escaping Work) { submit(makeID(), work) }

    func makeID() -> UInt64 { lastID.wrappingAdd(1, ordering: .relaxed).newValue }

    func submit(_ id: UInt64, _ work: @escaping Work) {
        let deadline = ContinuousClock.now + configuration.queueWaitMax
        switch state.withLock({ $0.submit(work, id: id, deadline: deadline) }) {
        case .queued(let wake): if let wake { alarms[wake].signal() }
        case .refused(let error): work(.failure(error))
        }
    }

    /// Calls a job that has not begun with `cancelled`; one that runs goes on.
    func cancel(_ id: UInt64) {
        guard let job = state.withLock({ $0.cancel(id) }) else { return }
        job.work(.failure(PostgresError(.cancelled, "cancelled while waiting for a connection")))
    }

    func allThreadsEnded() {
        let waiters = stopWaiters.withLock { waiters in
            defer { waiters.removeAll() }
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
