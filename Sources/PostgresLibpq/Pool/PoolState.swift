import DequeModule

/// Counters of a pool since its start, and two gauges.
public struct PoolStatistics: Equatable, Sendable {
    /// Sessions that are open now.
    public var connected = 0
    /// Jobs that wait now.
    public var waiting = 0
    /// Jobs that were given a connection.
    public var begun = 0
    /// Jobs refused because the queue was full.
    public var refusedFull = 0
    /// Jobs refused or dropped because no connection was up.
    public var refusedUnavailable = 0
    /// Jobs that waited too long.
    public var expired = 0
    /// Jobs whose task was cancelled while they waited.
    public var cancelled = 0
    /// Sessions opened, the first ones included.
    public var connects = 0
    /// Connection attempts that failed.
    public var connectFailures = 0
    /// Sessions that broke.
    public var losses = 0
}

/// Everything that the callers and the threads of a pool share: a value under one lock, without input or output.
struct PoolState<Work: Sendable>: Sendable {
    struct Job: Sendable {
        let id: UInt64
        let deadline: ContinuousClock.Instant
        let work: Work
    }

    enum Phase: Sendable {
        /// No thread yet; jobs wait.
        case new
        case running
        /// Nothing new is taken; the threads end when the queue is empty.
        case stopping
        case stopped
    }

    enum Submission: Sendable {
        case queued(wake: Int?)
        case refused(PostgresError)
    }

    enum Turn: Sendable {
        case job(Job)
        /// Nothing to do: this thread is noted as idle.
        case idle
        case end
    }

    private(set) var phase = Phase.new
    private(set) var statistics = PoolStatistics()
    /// Jobs that wait for a session, in the order of arrival.
    private var queue: Deque<Job> = []
    private let queueMax: Int
    /// Threads with a session and without a job; the one that worked last goes first, its caches are warm.
    private var idle: [Int] = []
    private var running = 0
    /// Why the last connection attempt failed, while no session is up.
    private(set) var outage: PostgresError?
    /// Sessions of an older generation are of no use: their server takes no writes any more.
    private(set) var generation = 0

    init(queueMax: Int) { self.queueMax = queueMax }

    var isReady: Bool { phase == .running && statistics.connected > 0 }
    var snapshot: PoolStatistics {
        var snapshot = statistics
        snapshot.waiting = queue.count
        return snapshot
    }

    /// Whether a thread without a session should try to open one.
    var needsConnections: Bool { phase == .running || phase == .stopping && !queue.isEmpty }

    mutating func started(threads: Int) -> Bool {
        guard phase == .new else { return false }
        phase = .running
        running = threads
        return true
    }

    mutating func submit(_ work: Work, id: UInt64, deadline: ContinuousClock.Instant) -> Submission {
        if phase == .stopping || phase == .stopped {
            statistics.refusedUnavailable += 1
            return .refused(PostgresError(.unavailable, "the connection pool is stopping"))
        }
        if let outage {
            // Waiting would only make everybody late: the answer is known.
            statistics.refusedUnavailable += 1
            return .refused(outage)
        }
        guard queue.count < queueMax else {
            statistics.refusedFull += 1
            return .refused(PostgresError(.overloaded, "too many statements wait for a connection"))
        }
        queue.append(Job(id: id, deadline: deadline, work: work))
        return .queued(wake: idle.popLast())
    }

    mutating func cancel(_ id: UInt64) -> Job? {
        guard let index = queue.firstIndex(where: { $0.id == id }) else { return nil }
        statistics.cancelled += 1
        return queue.remove(at: index)
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

    /// Takes out the jobs that have waited too long. Deadlines grow with the order of arrival.
    mutating func expired(at now: ContinuousClock.Instant) -> [Job] {
        let jobs = Array(queue.prefix { $0.deadline <= now })
        queue.removeFirst(jobs.count)
        statistics.expired += jobs.count
        return jobs
    }

    mutating func connected() {
        statistics.connected += 1
        statistics.connects += 1
        outage = nil
    }

    /// A session of `generation` found its server read-only.
    mutating func foundReadOnly(generation: Int) {
        if generation == self.generation { self.generation += 1 }
    }

    mutating func disconnected() {
        statistics.connected -= 1
        statistics.losses += 1
    }

    /// Jobs to refuse: all, when this was the last hope of a session.
    mutating func connectFailed(_ error: PostgresError) -> [Job] {
        statistics.connectFailures += 1
        guard statistics.connected == 0 else { return [] }
        outage = error
        statistics.refusedUnavailable += queue.count
        return takeAll()
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
        var unserved: [Job]
    }

    mutating func threadEnded(connected: Bool) -> Ending {
        running -= 1
        if connected { statistics.connected -= 1 }
        guard running == 0 else { return Ending(isLast: false, unserved: []) }
        phase = .stopped
        return Ending(isLast: true, unserved: takeAll())
    }

    private mutating func takeAll() -> [Job] {
        defer { queue.removeAll() }
        return Array(queue)
    }
}
