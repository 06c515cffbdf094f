import Dispatch
import Glibc
import Logging
import Primitives

import struct Synchronization.Atomic

/// The threads of a pool. Each owns one session: it connects, works, and connects again after a loss. The pool lives
/// until they have ended.
extension PostgresPool {
    /// Starts a thread; `number` is its index in ``alarms``.
    func startThread(_ number: Int) {
        let box = Unmanaged.passRetained(ThreadStart(pool: self, number: number))
        var handle = pthread_t()
        let failure = pthread_create(
            &handle, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
                start.pool.runThread(start.number)
                return nil
            }, box.toOpaque())
        guard failure == 0 else {
            box.release()
            return endThread(false, PostgresError(.overloaded, "no thread for a connection to PostgreSQL"))
        }
        pthread_detach(handle)
    }

    private func runThread(_ number: Int) {
        var backoff = configuration.backoff
        var isConnected = false
        repeat {
            let generation = state.withLock { $0.generation }
            guard let connection = connect(number, &backoff) else { break }
            isConnected = !work(on: connection, number, generation)
            guard !isConnected else { break }
            state.withLock { $0.disconnected() }
            logger.warning("lost a connection to PostgreSQL", metadata: ["postgres.connection": "\(number)"])
        } while true
        // The session is closed by now.
        endThread(isConnected, PostgresError(.unavailable, "the connection pool has stopped"))
    }

    /// Tries until there is a session, or the pool stops and no job needs one.
    private func connect(_ number: Int, _ backoff: inout Backoff) -> PostgresConnection? {
        while state.withLock({ $0.needsConnections }) {
            do throws(PostgresError) {
                let connection = try PostgresConnection.connect(present)
                backoff.reset()
                state.withLock { $0.connected() }
                return connection
            } catch {
                if error.code == .timeout { firstHost.wrappingAdd(1, ordering: .relaxed) }
                let refused = state.withLock { $0.connectFailed(error) }
                for job in refused { job.work(.failure(error)) }
                logger.warning("no connection to PostgreSQL", metadata: ["postgres.error": "\(error)"])
                let pause = DispatchTimeInterval.milliseconds(Int(backoff.next().milliseconds))
                _ = alarms[number].wait(timeout: .now() + pause)
            }
        }
        return nil
    }

    /// The configuration with what was learned from sessions before.
    private var present: PostgresConfiguration {
        var present = configuration
        present.firstHost = firstHost.load(ordering: .relaxed)
        present.hasPooler = hasPooler.load(ordering: .relaxed)
        return present
    }

    private func learn(_ finding: PostgresConnection.Finding?, _ generation: Int) {
        switch finding {
        case .isReadOnly: state.withLock { $0.foundReadOnly(generation: generation) }
        case .hasPooler: hasPooler.store(true, ordering: .relaxed)
        case nil: break
        }
    }

    /// Jobs and pauses until the session is lost; `false` when the pool stops and nothing is left to do.
    private func work(on connection: PostgresConnection, _ number: Int, _ generation: Int) -> Bool {
        while true {
            let expired = state.withLock { $0.expired(at: .now) }
            for job in expired {
                job.work(.failure(PostgresError(.timeout, "waited too long for a connection to PostgreSQL")))
            }
            // Before the turn: a job must not meet a session that the server has closed meanwhile.
            guard connection.isAlive(), state.withLock({ $0.generation }) == generation else { return true }
            switch state.withLock({ $0.turn(of: number) }) {
            case .job(let job):
                job.work(.success(connection))
                connection.reset()
                if connection.isBroken {
                    learn(connection.finding, generation)
                    return true
                }
            case .idle: idle(number)
            case .end: return false
            }
        }
    }

    private func idle(_ number: Int) {
        guard alarms[number].wait(timeout: .now() + idleCheck) == .timedOut else { return }
        let wasIdle = state.withLock { $0.stoppedIdling(number) }
        // Otherwise a signal is on its way and would make a later pause too short.
        if !wasIdle { alarms[number].wait() }
    }

    private func endThread(_ isConnected: Bool, _ error: PostgresError) {
        let ending = state.withLock { $0.threadEnded(connected: isConnected) }
        for job in ending.unserved { job.work(.failure(error)) }
        if ending.isLast { allThreadsEnded() }
    }
}

/// What a new thread is given.
private final class ThreadStart {
    let pool: PostgresPool
    let number: Int

    init(pool: PostgresPool, number: Int) {
        self.pool = pool
        self.number = number
    }
}

/// How long a lost idle session goes unnoticed at most.
private let idleCheck = DispatchTimeInterval.milliseconds(500)
