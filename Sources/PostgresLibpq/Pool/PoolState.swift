/// Everything that the callers and the threads of a pool share: a value under one lock, without input or output.
struct PoolState<Work: Sendable>: Sendable {
    enum Phase: Sendable {
        /// No thread yet; jobs wait.
        case new
        case running
        /// Nothing new is taken; the threads end when the queue is empty.
        case stopping
        case stopped
    }

    enum Submission: Sendable {
        case queued(id: UInt64, wake: Int?)
        case refused(PostgresError)
    }

    enum Turn: Sendable {
        case job(JobQueue<Work>.Job)
        /// Nothing to do: this thread is noted as idle.
        case idle
        case end
    }

    private(set) var phase = Phase.new
    private(set) var statistics = PoolStatistics()
    private var queue: JobQueue<Work>
    /// Threads with a session and without a job; the one that worked last goes first, its caches are warm.
    private var idle: [Int] = []
    private var running = 0
    /// Why the last connection attempt failed, while no session is up.
    private var outage: PostgresError?

    init(queueMax: Int) { queue = JobQueue(countMax: queueMax) }

    var isReady: Bool { phase == .running && statistics.connected > 0 }
    var snapshot: PoolStatistics {
        var snapshot = statistics
        snapshot.waiting = queue.count
        return snapshot
    }

    /// Whether a thread without a session should try to open one.
    var needsConnections: Bool { phase == .running || phase == .stopping && queue.count > 0 }

    mutating func started(threads: Int) -> Bool {
        guard phase == .new else { return false }
        phase = .running
        running = threads
        return true
    }

    mutating func submit(_ work: Work, deadline: ContinuousClock.Instant) -> Submission {
        if phase == .stopping || phase == .stopped {
            statistics.refusedUnavailable += 1
            return .refused(PostgresError(.unavailable, "the connection pool is stopping"))
        }
        if let outage {
            // Waiting would only make everybody late: the answer is known.
            statistics.refusedUnavailable += 1
            return .refused(outage)
        }
        guard let id = queue.append(work, deadline: deadline) else {
            statistics.refusedFull += 1
            return .refused(PostgresError(.overloaded, "too many statements wait for a connection"))
        }
        return .queued(id: id, wake: idle.popLast())
    }

    mutating func cancel(_ id: UInt64) -> JobQueue<Work>.Job? {
        guard let job = queue.remove(id) else { return nil }
        statistics.cancelled += 1
        return job
    }

    /// What a thread with a session does next.
    mutating func turn(of thread: Int) -> Turn {
        if let job = queue.popFirst() {
            statistics.begun += 1
            return .job(job)
        }
        if phase == .stopping { return .end }
        idle.append(thread)
        return .idle
    }

    /// Whether the thread was still idle; if not, somebody is waking it.
    mutating func stoppedIdling(_ thread: Int) -> Bool {
        guard let index = idle.firstIndex(of: thread) else { return false }
        idle.remove(at: index)
        return true
    }

    mutating func expired(at now: ContinuousClock.Instant) -> [JobQueue<Work>.Job] {
        let jobs = queue.popExpired(at: now)
        statistics.expired += jobs.count
        return jobs
    }

    mutating func connected() {
        statistics.connected += 1
        statistics.connects += 1
        outage = nil
    }

    mutating func disconnected() {
        statistics.connected -= 1
        statistics.losses += 1
    }

    /// Jobs to refuse: all, when this was the last hope of a session.
    mutating func connectFailed(_ error: PostgresError) -> [JobQueue<Work>.Job] {
        statistics.connectFailures += 1
        guard statistics.connected == 0 else { return [] }
        outage = error
        statistics.refusedUnavailable += queue.count
        return queue.removeAll()
    }

    /// Whether the caller has to wait for the threads.
    mutating func stop() -> Bool {
        guard phase == .running else {
            if phase == .new { phase = .stopped }
            return phase == .stopping
        }
        phase = .stopping
        return true
    }

    struct Ending: Sendable {
        var isLast: Bool
        /// What waits and has nobody left to run it.
        var unserved: [JobQueue<Work>.Job]
    }

    mutating func threadEnded(connected: Bool) -> Ending {
        running -= 1
        if connected { statistics.connected -= 1 }
        guard running == 0 else { return Ending(isLast: false, unserved: []) }
        phase = .stopped
        return Ending(isLast: true, unserved: queue.removeAll())
    }
}
