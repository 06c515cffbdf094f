import Dispatch
import Glibc
import Logging
import Primitives
import Synchronization

/// The loop of one thread of the pool: connect, work, and connect again after a loss.
///
/// It holds the pool until the pool is stopped.
final class PoolThread {
    private let pool: PostgresPool
    private let number: Int
    private var connection: PostgresConnection?
    private var backoff: Backoff

    init(pool: PostgresPool, number: Int) {
        self.pool = pool
        self.number = number
        backoff = pool.configuration.backoff
    }

    /// Starts the thread and gives this object to it; nobody else may use it afterwards.
    consuming func start() {
        let box = Unmanaged.passRetained(self)
        var handle = pthread_t()
        let failure = pthread_create(
            &handle, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<PoolThread>.fromOpaque(argument).takeRetainedValue().loop()
                return nil
            }, box.toOpaque())
        guard failure == 0 else {
            box.takeRetainedValue().end(PostgresError(.overloaded, "no thread for a connection to PostgreSQL"))
            return
        }
        pthread_detach(handle)
    }

    private func loop() {
        while let connection = connection ?? connect() {
            self.connection = connection
            guard work(on: connection) else { break }
        }
        end(PostgresError(.unavailable, "the connection pool has stopped"))
    }

    /// Tries until there is a session, or the pool stops and no job needs one.
    private func connect() -> PostgresConnection? {
        while pool.state.withLock({ $0.needsConnections }) {
            do throws(PostgresError) {
                let connection = try PostgresConnection.connect(pool.configuration)
                backoff.reset()
                pool.state.withLock { $0.connected() }
                return connection
            } catch {
                let refused = pool.state.withLock { $0.connectFailed(error) }
                for job in refused { job.work(.failure(error)) }
                pool.logger.warning("no connection to PostgreSQL", metadata: ["postgres.error": "\(error)"])
                sleep(backoff.next())
            }
        }
        return nil
    }

    /// One job or one pause; `false` when the pool stops and nothing is left to do.
    private func work(on connection: PostgresConnection) -> Bool {
        refuseExpired()
        // Before the turn: a job must not meet a session that the server has closed meanwhile.
        guard connection.isAlive() else {
            lose()
            return true
        }
        let number = number
        switch pool.state.withLock({ $0.turn(of: number) }) {
        case .job(let job):
            job.work(.success(connection))
            connection.reset()
            if connection.isBroken { lose() }
        case .idle: idle()
        case .end: return false
        }
        return true
    }

    private func idle() {
        guard pool.alarms[number].wait(timeout: .now() + idleCheck) == .timedOut else { return }
        let number = number
        let wasIdle = pool.state.withLock { $0.stoppedIdling(number) }
        // Otherwise a signal is on its way and would make a later pause too short.
        if !wasIdle { pool.alarms[number].wait() }
    }

    private func sleep(_ pause: Duration) {
        _ = pool.alarms[number].wait(timeout: .now() + .milliseconds(Int(pause.milliseconds)))
    }

    private func lose() {
        connection = nil
        pool.state.withLock { $0.disconnected() }
        pool.logger.warning("lost a connection to PostgreSQL", metadata: ["postgres.connection": "\(number)"])
    }

    private func refuseExpired() {
        let expired = pool.state.withLock { $0.expired(at: .now) }
        for job in expired {
            job.work(.failure(PostgresError(.timeout, "waited too long for a connection to PostgreSQL")))
        }
    }

    private func end(_ error: PostgresError) {
        let wasConnected = connection != nil
        connection = nil
        let ending = pool.state.withLock { $0.threadEnded(connected: wasConnected) }
        for job in ending.unserved { job.work(.failure(error)) }
        if ending.isLast { pool.allThreadsEnded() }
    }
}

/// How long a lost idle session goes unnoticed at most.
private let idleCheck = DispatchTimeInterval.milliseconds(500)
