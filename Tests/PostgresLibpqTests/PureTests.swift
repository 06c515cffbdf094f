import Testing

@testable import PostgresLibpq

/// The machines of the pool, without threads and servers.
@Suite struct PureTests {
    private let start = ContinuousClock.now

    @Test func theQueueKeepsOrderUnderRemoval() {
        var queue = JobQueue<Int>(countMax: 4)
        let ids = (0..<5).map { queue.append($0, deadline: start) }
        #expect(ids[4] == nil)
        #expect(queue.popFirst()?.work == 0)
        #expect(ids[2].flatMap { queue.remove($0) }?.work == 2)
        #expect(queue.removeAll().map(\.work) == [1, 3])
        #expect(queue.count == 0)
    }

    @Test func theLateOnesComeOut() {
        var queue = JobQueue<Int>(countMax: 9)
        for number in 0..<3 { _ = queue.append(number, deadline: start + .seconds(number)) }
        #expect(queue.popExpired(at: start + .seconds(1)).map(\.work) == [0, 1])
        #expect(queue.count == 1)
    }

    @Test func anOutageRefusesUntilSomebodyConnects() {
        var state = PoolState<Int>(queueMax: 8)
        _ = state.started(threads: 2)
        guard case .queued = state.submit(1, deadline: start) else {
            Issue.record("must wait")
            return
        }
        let refused = state.connectFailed(PostgresError(.unavailable, "away"))
        #expect(refused.map(\.work) == [1])
        guard case .refused(let error) = state.submit(2, deadline: start) else {
            Issue.record("another turn")
            return
        }
        #expect(error.message == "away")
        state.connected()
        guard case .queued = state.submit(3, deadline: start) else {
            Issue.record("must wait")
            return
        }
        // One of two threads failing is no outage.
        #expect(state.connectFailed(PostgresError(.unavailable, "away")).isEmpty)
        guard case .queued = state.submit(4, deadline: start) else {
            Issue.record("must wait")
            return
        }
    }

    @Test func stoppingServesTheQueueFirst() {
        var state = PoolState<Int>(queueMax: 8)
        _ = state.started(threads: 1)
        state.connected()
        _ = state.submit(1, deadline: start)
        let mustWait = state.stop()
        #expect(mustWait)
        guard case .job(let job) = state.turn(of: 0) else {
            Issue.record("another turn")
            return
        }
        #expect(job.work == 1)
        guard case .end = state.turn(of: 0) else {
            Issue.record("another turn")
            return
        }
        let ending = state.threadEnded(connected: true)
        #expect(ending.isLast)
        #expect(state.snapshot.connected == 0)
    }
}
