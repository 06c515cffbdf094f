public import DequeModule

/// Items that wait to be worked on together, and when a worker has to be started: pure.
///
/// A *worker* takes what waits as one batch, works on it, and takes again until nothing waits. What comes meanwhile makes
/// the next batch: the slower the work, the larger the batches, without a timer.
public struct BatchQueue<Item> {
    public struct Limits: Equatable, Sendable {
        /// Weight of items that may wait; what goes beyond is refused.
        public var waitingMax: Int
        /// Weight of one batch. An item that is heavier alone makes a batch of its own.
        public var batchMax: Int
        /// Workers at a time.
        public var workersMax: Int
        /// Items that must wait before one of them starts a worker.
        public var startAt: Int

        public init(waitingMax: Int, batchMax: Int, workersMax: Int = 1, startAt: Int = 1) {
            self.waitingMax = waitingMax
            self.batchMax = batchMax
            self.workersMax = workersMax
            self.startAt = startAt
        }
    }

    public enum Arrival: Equatable, Sendable {
        /// No room, or closed.
        case refused
        case waits
        /// The caller has to start a worker, which is counted from now on.
        case startWorker
    }

    public let limits: Limits
    public private(set) var waiting: Deque<Item> = []
    /// Weight of all that wait.
    public private(set) var waitingWeight = 0
    public private(set) var workers = 0
    /// Nothing is taken any more.
    public private(set) var isClosed = false
    private let weight: @Sendable (Item) -> Int

    /// - Parameter weight: of one item, 1 or more; all weigh 1 when it is left out.
    public init(limits: Limits, weight: @escaping @Sendable (Item) -> Int = { _ in 1 }) {
        self.limits = limits
        self.weight = weight
    }

    public var isEmpty: Bool { waiting.isEmpty }

    public mutating func append(_ item: Item) -> Arrival {
        guard !isClosed, waitingWeight + weight(item) <= limits.waitingMax else { return .refused }
        waiting.append(item)
        waitingWeight += weight(item)
        guard waiting.count >= limits.startAt else { return .waits }
        return startIfWaiting() ? .startWorker : .waits
    }

    /// Whether the caller has to start a worker now, however few wait.
    public mutating func startIfWaiting() -> Bool {
        guard !waiting.isEmpty, workers < limits.workersMax else { return false }
        workers += 1
        return true
    }

    /// Whether far fewer wait than went with a worker's last batch: a short pause then makes the next one worth its cost.
    public func isWorthGathering(after previous: Int) -> Bool {
        !waiting.isEmpty && waiting.count < min(previous, limits.batchMax) / 2
    }

    /// Whether a worker has more to do; when nothing waits, it has ended.
    public mutating func continues() -> Bool {
        if waiting.isEmpty { workers -= 1 }
        return !waiting.isEmpty
    }

    /// A worker's next batch; `nil` when nothing waits: then the worker has ended.
    public mutating func nextBatch() -> [Item]? { continues() ? takeBatch() : nil }

    /// The longest waiting items, as many as make a batch; empty when nothing waits.
    public mutating func takeBatch() -> [Item] {
        guard !waiting.isEmpty else { return [] }
        var taken = 0
        let batch = waiting.prefix { item in
            taken += weight(item)
            return taken <= limits.batchMax
        }
        return removeFirst(max(batch.count, 1))
    }

    private mutating func removeFirst(_ count: Int) -> [Item] {
        let removed = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        for item in removed { waitingWeight -= weight(item) }
        return removed
    }

    /// A worker ends early and leaves what waits to a later one.
    public mutating func workerEnded() { workers -= 1 }

    /// Takes the longest waiting ones out for which `predicate` holds.
    public mutating func removeFirst(while predicate: (Item) -> Bool) -> [Item] {
        removeFirst(waiting.prefix(while: predicate).count)
    }

    /// Takes those out for which `predicate` holds, in their order.
    public mutating func remove(where predicate: (Item) -> Bool) -> [Item] {
        var removed: [Item] = []
        waiting.removeAll { item in
            guard predicate(item) else { return false }
            removed.append(item)
            return true
        }
        for item in removed { waitingWeight -= weight(item) }
        return removed
    }

    public mutating func removeAll() -> [Item] { removeFirst(waiting.count) }

    /// Puts items in front of all others; they were taken before, so the limit does not count.
    public mutating func prepend(_ items: [Item]) {
        waiting.prepend(contentsOf: items)
        for item in items { waitingWeight += weight(item) }
    }

    /// Nothing is taken from now on. Those that wait come back.
    public mutating func close() -> [Item] {
        isClosed = true
        return removeAll()
    }
}

extension BatchQueue: Sendable where Item: Sendable {}
