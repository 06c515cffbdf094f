public import DequeModule

/// Items that wait to be worked on together, and when a worker has to be started: pure.
///
/// A *worker* takes what waits as one batch, works on it, and takes again until nothing waits. What comes meanwhile makes
/// the next batch: the slower the work, the larger the batches, without a timer.
///
/// Inlinable, since some callers append a million items a second: unspecialised generic code costs them a third.
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

        @inlinable
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
    /// Weight of all that wait.
    public var waitingWeight: Int { weightHeld }
    public var workers: Int { workersNow }
    /// Nothing is taken any more.
    public var isClosed: Bool { hasClosed }
    public var waiting: Deque<Item> { items }
    @usableFromInline var items: Deque<Item> = []
    @usableFromInline var weightHeld = 0
    @usableFromInline var workersNow = 0
    @usableFromInline var hasClosed = false
    /// `nil`: all weigh 1.
    @usableFromInline let weight: (@Sendable (Item) -> Int)?

    /// - Parameter weight: of one item, 1 or more; all weigh 1 when it is left out.
    @inlinable
    public init(limits: Limits, weight: (@Sendable (Item) -> Int)? = nil) {
        self.limits = limits
        self.weight = weight
    }

    @inlinable public var isEmpty: Bool { items.isEmpty }
    @inlinable public var count: Int { items.count }

    @inlinable
    func weigh(_ item: Item) -> Int { weight?(item) ?? 1 }

    @inlinable
    func weigh(_ some: [Item]) -> Int {
        guard let weight else { return some.count }
        return some.reduce(0) { $0 + weight($1) }
    }

    @inlinable
    public mutating func append(_ item: Item) -> Arrival {
        let weight = weigh(item)
        guard !hasClosed, weightHeld + weight <= limits.waitingMax else { return .refused }
        items.append(item)
        weightHeld += weight
        guard items.count >= limits.startAt else { return .waits }
        return startIfWaiting() ? .startWorker : .waits
    }

    /// Whether the caller has to start a worker now, however few wait.
    @inlinable
    public mutating func startIfWaiting() -> Bool {
        guard !items.isEmpty, workersNow < limits.workersMax else { return false }
        workersNow += 1
        return true
    }

    /// Whether far fewer wait than went with a worker's last batch: a short pause then makes the next one worth its cost.
    public func isWorthGathering(after previous: Int) -> Bool {
        !items.isEmpty && items.count < min(previous, limits.batchMax) / 2
    }

    /// Whether a worker has more to do; when nothing waits, it has ended.
    @inlinable
    public mutating func continues() -> Bool {
        if items.isEmpty { workersNow -= 1 }
        return !items.isEmpty
    }

    /// A worker's next batch; `nil` when nothing waits: then the worker has ended.
    @inlinable
    public mutating func nextBatch() -> [Item]? { continues() ? takeBatch() : nil }

    /// The longest waiting items, as many as make a batch; empty when nothing waits.
    @inlinable
    public mutating func takeBatch() -> [Item] {
        guard let weight else { return removeFirst(min(items.count, max(limits.batchMax, 1))) }
        var taken = 0
        let batch = items.prefix { item in
            taken += weight(item)
            return taken <= limits.batchMax
        }
        return removeFirst(min(items.count, max(batch.count, 1)))
    }

    @inlinable
    mutating func removeFirst(_ count: Int) -> [Item] {
        let removed = Array(items.prefix(count))
        items.removeFirst(count)
        weightHeld -= weigh(removed)
        return removed
    }

    /// A worker ends early and leaves what waits to a later one.
    public mutating func workerEnded() { workersNow -= 1 }

    /// Takes the longest waiting ones out for which `predicate` holds.
    @inlinable
    public mutating func removeFirst(while predicate: (Item) -> Bool) -> [Item] {
        removeFirst(items.prefix(while: predicate).count)
    }

    /// Takes those out for which `predicate` holds, in their order.
    @inlinable
    public mutating func remove(where predicate: (Item) -> Bool) -> [Item] {
        var removed: [Item] = []
        items.removeAll { item in
            guard predicate(item) else { return false }
            removed.append(item)
            return true
        }
        weightHeld -= weigh(removed)
        return removed
    }

    @inlinable
    public mutating func removeAll() -> [Item] { removeFirst(items.count) }

    /// Puts items in front of all others; they were taken before, so the limit does not count.
    @inlinable
    public mutating func prepend(_ some: [Item]) {
        items.prepend(contentsOf: some)
        weightHeld += weigh(some)
    }

    /// Nothing is taken from now on. Those that wait come back.
    @inlinable
    public mutating func close() -> [Item] {
        hasClosed = true
        return removeAll()
    }
}

extension BatchQueue: Sendable where Item: Sendable {}
