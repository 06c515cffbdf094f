internal import DequeModule
internal import Synchronization

/// Work of one kind that is asked for under a lock and done by one task, in batches: what comes while a batch is done
/// makes the next batch.
final class WorkLane<Job: Sendable>: Sendable {
    private let waiting = Mutex<Deque<Job>>([])
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init() {
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func add(_ job: Job) {
        waiting.withLock { $0.append(job) }
        signal.yield()
    }

    /// Hands every batch to `work` until the task is cancelled. Jobs are bounded by who asks: one for each channel or
    /// connect.
    func run(batchMax: Int, _ work: ([Job]) async -> Void) async {
        for await _ in signals {
            while case let batch = take(batchMax), !batch.isEmpty {
                await work(batch)
                if Task.isCancelled { return }
            }
        }
    }

    /// Hands every job to `work`, so many at the same time, until the task is cancelled. A slow one holds up nobody.
    func runEach(parallelMax: Int, _ work: @escaping @Sendable (Job) async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            for await _ in signals {
                while !Task.isCancelled, let job = take(1).first {
                    if running == parallelMax {
                        await group.next()
                        running -= 1
                    }
                    running += 1
                    group.addTask { await work(job) }
                }
            }
            group.cancelAll()
        }
    }

    private func take(_ count: Int) -> [Job] {
        waiting.withLock { jobs in
            defer { jobs.removeFirst(min(count, jobs.count)) }
            return Array(jobs.prefix(count))
        }
    }
}
