import Glibc
import PostgresLibpq
import Primitives

/// Writes by group commit: everything that waits goes as one multi-row statement. A worker is a job on a session of the
/// pool; while its statement runs, the next batch gathers.
protocol GroupCommit: Sendable {
    associatedtype Item: Sendable
    var pool: PostgresPool { get }
    /// How long a statement waits for company when far fewer wait than the last one carried; under 1 s.
    var gather: Duration { get }
    /// Calls `body` under the lock.
    func withQueue<T: Sendable>(_ body: (inout sending BatchQueue<Item>) -> sending T) -> T
    /// Writes and answers one batch; on the session's thread.
    func write(_ batch: [Item], _ connection: PostgresConnection)
    /// There is no session for a worker; it is still counted.
    func workerFailed(_ error: PostgresError)
}

extension GroupCommit {
    /// Submits the worker that the queue has counted already.
    func startWorker() {
        pool.submit { result in
            switch result {
            case .success(let connection): work(on: connection)
            case .failure(let error): workerFailed(error)
            }
        }
    }

    private func work(on connection: PostgresConnection) {
        var previous = 0
        // A bound, so that under constant load other jobs of the pool have their turn too.
        for _ in 0..<32 where !connection.isBroken {
            if previous > 0, withQueue({ $0.isWorthGathering(after: previous) }) {
                usleep(UInt32(clamping: gather.nanoseconds / 1000))
            }
            guard let batch = withQueue({ $0.nextBatch() }) else { return }
            write(batch, connection)
            previous = batch.count
        }
        startWorker()
    }
}
