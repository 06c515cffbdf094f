import Glibc
import PostgresLibpq
import Synchronization

/// Runs the flights of a ``GroupCommit`` on the sessions of a pool.
protocol Flight: Sendable {
    associatedtype Item: Sendable
    var pool: PostgresPool { get }
    var gather: Duration { get }
    /// Calls `body` under the lock.
    func withState<T: Sendable>(_ body: (inout sending GroupCommit<Item>) -> sending T) -> T
    /// Writes and answers one batch; on the session's thread.
    func write(_ batch: [Item], _ connection: PostgresConnection)
    /// There is no session.
    func fail(_ error: PostgresError)
}

extension Flight {
    /// Submits the flight that the state has counted already.
    func takeOff() {
        pool.submit { result in
            switch result {
            case .success(let connection): fly(connection)
            case .failure(let error): fail(error)
            }
        }
    }

    private func fly(_ connection: PostgresConnection) {
        var previous = 0
        var gathered = false
        // A bound, so that under constant load other jobs of the pool have their turn too.
        for _ in 0..<32 {
            if connection.isBroken { break }
            switch withState({ $0.next(after: previous, gathered: gathered) }) {
            case .landed: return
            case .gather:
                usleep(UInt32(clamping: gather.components.attoseconds / 1_000_000_000_000))
                gathered = true
            case .batch(let batch):
                write(batch, connection)
                previous = batch.count
                gathered = false
            }
        }
        takeOff()
    }
}
