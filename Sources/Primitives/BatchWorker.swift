/// A ``BatchQueue`` that is worked off by one task.
public final class BatchWorker<Item: Sendable>: Sendable {
    @usableFromInline let queue: Mutex<BatchQueue<Item>>
    @usableFromInline let signals: AsyncStream<Void>
    @usableFromInline let signal: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - waitingMax: weight of items that may wait.
    ///   - batchMax: weight of one batch.
    @inlinable
    public init(waitingMax: Int = .max, batchMax: Int, weight: (@Sendable (Item) -> Int)? = nil) {
        queue = Mutex(BatchQueue(limits: .init(waitingMax: waitingMax, batchMax: batchMax), weight: weight))
        // One is enough: a worker takes until nothing waits.
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Items that wait.
    @inlinable public var count: Int { queue.withLock { $0.count } }
    @inlinable public var isClosed: Bool { queue.withLock { $0.isClosed } }

    /// `false`: no room, or closed.
    @discardableResult
    @inlinable
    public func submit(_ item: Item) -> Bool {
        let arrival = queue.withLock { $0.append(item) }
        if arrival == .startWorker { signal.yield() }
        return arrival != .refused
    }

    /// Looks at the queue, or rearranges it, under its lock; a worker is started when something waits afterwards.
    @inlinable
    public func withQueue<Result: Sendable>(_ body: (inout sending BatchQueue<Item>) -> sending Result) -> Result {
        let result = queue.withLock(body)
        if queue.withLock({ $0.startIfWaiting() }) { signal.yield() }
        return result
    }

    /// Hands every batch to `work` until the task is cancelled, or until ``finish()`` was called and nothing waits. Those
    /// that still wait then come back; nothing is taken any more.
    ///
    /// - Parameters:
    ///   - beforeBatch: called when something waits, before it is taken: what comes until it returns goes along.
    ///   - work: called once after each call of `beforeBatch`; with nothing when somebody else took what waited.
    @inlinable
    public func run(
        beforeBatch: () async -> Void = {}, _ work: (_ batch: [Item]) async -> Void
    ) async -> [Item] {
        for await _ in signals {
            if Task.isCancelled { break }
            await workOff(beforeBatch, work)
        }
        if !Task.isCancelled, queue.withLock({ $0.startIfWaiting() }) { await workOff(beforeBatch, work) }
        return queue.withLock { $0.close() }
    }

    @inlinable
    func workOff(_ beforeBatch: () async -> Void, _ work: ([Item]) async -> Void) async {
        while !Task.isCancelled, queue.withLock({ $0.continues() }) {
            await beforeBatch()
            await work(queue.withLock { $0.takeBatch() })
        }
    }

    /// Hands every item to `work`, so many at the same time, until the task is cancelled. A slow one holds up nobody.
    public func runEach(parallelMax: Int, _ work: @escaping @Sendable (Item) async -> Void) async {
        let (ends, end) = AsyncStream<Void>.makeStream()
        // A group whose results nobody takes: in another one, tasks that are over keep their memory until the next comes.
        await withDiscardingTaskGroup { group in
            var (running, ended) = (0, ends.makeAsyncIterator())
            for await _ in signals {
                while !Task.isCancelled, let batch = queue.withLock({ $0.nextBatch() }) {
                    for item in batch {
                        if running == parallelMax {
                            guard await ended.next() != nil else { return }
                            running -= 1
                        }
                        running += 1
                        group.addTask {
                            await work(item)
                            end.yield()
                        }
                    }
                }
            }
            group.cancelAll()
        }
    }

    /// What waits is worked off; then ``run(beforeBatch:_:)`` returns.
    public func finish() { signal.finish() }
}
