/// What waits for a connection: bounded, in order of arrival, each with a deadline.
struct JobQueue<Work: Sendable>: Sendable {
    struct Job: Sendable {
        let id: UInt64
        let deadline: ContinuousClock.Instant
        let work: Work
    }

    let countMax: Int
    private var jobs: [Job] = []
    private var head = 0
    private var nextID: UInt64 = 0

    init(countMax: Int) { self.countMax = countMax }

    var count: Int { jobs.count - head }

    /// The job's id, or `nil` when the queue is full.
    mutating func append(_ work: Work, deadline: ContinuousClock.Instant) -> UInt64? {
        guard count < countMax else { return nil }
        nextID += 1
        jobs.append(Job(id: nextID, deadline: deadline, work: work))
        return nextID
    }

    mutating func popFirst() -> Job? {
        guard head < jobs.count else { return nil }
        let job = jobs[head]
        head += 1
        if head == jobs.count || head > 1024 {
            jobs.removeFirst(head)
            head = 0
        }
        return job
    }

    /// Takes one job out that has not begun.
    mutating func remove(_ id: UInt64) -> Job? {
        guard let index = jobs[head...].firstIndex(where: { $0.id == id }) else { return nil }
        return jobs.remove(at: index)
    }

    mutating func removeAll() -> [Job] {
        defer {
            jobs.removeAll()
            head = 0
        }
        return Array(jobs[head...])
    }

    /// Deadlines grow with the order of arrival, so that the late ones stand in front.
    mutating func popExpired(at now: ContinuousClock.Instant) -> [Job] {
        var expired: [Job] = []
        while head < jobs.count, jobs[head].deadline <= now, let job = popFirst() { expired.append(job) }
        return expired
    }
}
