import Primitives
import TestSupport
import Testing

@Suite struct BatchQueueTests {
    private func makeQueue(
        waitingMax: Int = 10, batchMax: Int = 4, workersMax: Int = 1, startAt: Int = 1
    ) -> BatchQueue<Int> {
        BatchQueue(
            limits: .init(waitingMax: waitingMax, batchMax: batchMax, workersMax: workersMax, startAt: startAt))
    }

    @Test func oneWorkerTakesAllThatWaitsInOrder() {
        var queue = makeQueue()
        let arrivals = (1...6).map { queue.append($0) }
        #expect(arrivals == [.startWorker, .waits, .waits, .waits, .waits, .waits])
        var batches: [[Int]] = []
        while let batch = queue.nextBatch() { batches.append(batch) }
        #expect(batches == [[1, 2, 3, 4], [5, 6]])
        #expect(queue.workers == 0 && queue.append(7) == .startWorker)
    }

    @Test func refusesOverItsLimitAndAfterTheEnd() {
        var queue = makeQueue(waitingMax: 2)
        let arrivals = (1...3).map { queue.append($0) }
        #expect(arrivals == [.startWorker, .waits, .refused])
        #expect(queue.close() == [1, 2] && queue.append(4) == .refused)
    }

    @Test func startsWhenEnoughWait() {
        var queue = makeQueue(workersMax: 2, startAt: 2)
        let arrivals = (1...4).map { queue.append($0) }
        #expect(arrivals == [.waits, .startWorker, .startWorker, .waits])
        #expect(queue.startIfWaiting() == false)
    }

    @Test func weightsBoundBatchesAndWhatWaits() {
        var queue = BatchQueue<[Int]>(limits: .init(waitingMax: 10, batchMax: 4), weight: { $0.count })
        let arrivals = [[1, 2], [3, 4], [5], [6, 7, 8, 9, 10], [11]].map { queue.append($0) }
        #expect(arrivals == [.startWorker, .waits, .waits, .waits, .refused])
        var batches: [[[Int]]] = []
        while let batch = queue.nextBatch() { batches.append(batch) }
        #expect(batches == [[[1, 2], [3, 4]], [[5]], [[6, 7, 8, 9, 10]]])
        #expect(queue.waitingWeight == 0)
    }

    @Test func rearranges() {
        var queue = makeQueue()
        for item in 1...6 { _ = queue.append(item) }
        let even = queue.remove { $0.isMultiple(of: 2) }
        #expect(even == [2, 4, 6])
        queue.prepend(even)
        let first = queue.removeFirst { $0.isMultiple(of: 2) }
        #expect(first == [2, 4, 6])
        #expect(Array(queue.waiting) == [1, 3, 5])
        #expect(queue.waitingWeight == 3)
    }

    /// A few that wait after a large batch are worth a pause; one that comes alone never waits.
    @Test func gathersAfterALargeBatch() {
        var queue = makeQueue()
        _ = queue.append(1)
        #expect([0, 1, 3, 4].map { queue.isWorthGathering(after: $0) } == [false, false, false, true])
        _ = queue.takeBatch()
        #expect(!queue.isWorthGathering(after: 4))
    }

    @Test func aWorkerThatCannotWorkLeavesAllBehind() {
        var queue = makeQueue()
        for item in 1...3 { _ = queue.append(item) }
        queue.workerEnded()
        let left = queue.removeAll()
        #expect(left == [1, 2, 3])
        #expect(queue.workers == 0 && queue.waitingWeight == 0)
    }
}

@Suite struct BatchWorkerTests {
    /// What comes while a batch is worked on makes the next one, and what waits at the end is worked off.
    @Test func batchesGrowWithTheWork() async {
        let worker = BatchWorker<Int>(batchMax: 100)
        let batches = Mutex<[[Int]]>([])
        worker.submit(1)
        let left = await worker.run { batch in
            if batch == [1] {
                for item in 2...5 { worker.submit(item) }
                worker.finish()
            }
            batches.withLock { $0.append(batch) }
        }
        #expect(batches.withLock { $0 } == [[1], [2, 3, 4, 5]])
        #expect(left.isEmpty)
        #expect(!worker.submit(6))
    }

    @Test func handsBackWhatIsLeftWhenCancelled() async {
        let worker = BatchWorker<Int>(batchMax: 1)
        let task = Task {
            await worker.run { _ in
                worker.submit(2)
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
        worker.submit(1)
        #expect(await task.value == [2])
        #expect(worker.isClosed)
    }

    @Test func worksOnSeveralAtATimeButNotMore() async {
        let worker = BatchWorker<Int>(batchMax: 8)
        let running = Mutex((now: 0, most: 0, done: 0))
        let task = Task {
            await worker.runEach(parallelMax: 3) { _ in
                running.withLock { state in
                    state.now += 1
                    state.most = max(state.most, state.now)
                }
                await Task.yield()
                running.withLock { state in
                    state.now -= 1
                    state.done += 1
                }
            }
        }
        for item in 0..<50 { worker.submit(item) }
        while running.withLock({ $0.done }) < 50 { await Task.yield() }
        task.cancel()
        await task.value
        #expect(running.withLock { $0.most } <= 3)
    }

    /// A task that is over costs nothing, however many there may be at a time.
    @Test func keepsNothingOfWhatIsDone() async {
        let worker = BatchWorker<Int>(batchMax: 64)
        let done = Mutex(0)
        let task = Task { await worker.runEach(parallelMax: 10_000) { _ in done.withLock { $0 += 1 } } }
        var bytes: [Int] = []
        for goal in [1_000, 9_000] {
            for item in done.withLock({ $0 })..<goal { worker.submit(item) }
            while done.withLock({ $0 }) < goal { await Task.yield() }
            bytes.append(allocatedBytes())
        }
        // A task is about 1 KB.
        #expect(bytes[1] - bytes[0] < 2_000_000)
        task.cancel()
        await task.value
    }
}
