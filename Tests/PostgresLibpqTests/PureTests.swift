import Testing

@testable import PostgresLibpq

/// The machines of the pool, without threads and servers.
@Suite struct PureTests {
    private let start = ContinuousClock.now

    private func makeState(queueMax: Int, deadlines: [Duration]) -> (PoolState<Int>, queued: [Bool]) {
        var state = PoolState<Int>(queueMax: queueMax)
        let queued = deadlines.enumerated().map { number, wait in
            if case .queued = state.submit(number, id: UInt64(number), deadline: start + wait) { true } else { false }
        }
        return (state, queued)
    }

    @Test func theQueueKeepsOrderUnderRemoval() {
        var (state, queued) = makeState(queueMax: 4, deadlines: Array(repeating: .zero, count: 5))
        #expect(queued == [true, true, true, true, false])
        guard case .job(let first) = state.turn(of: 0) else {
            Issue.record("another turn")
            return
        }
        #expect(first.work == 0)
        #expect(state.cancel(2)?.work == 2)
        #expect(state.connectFailed(PostgresError(.unavailable, "away")).map(\.work) == [1, 3])
        #expect(state.snapshot.waiting == 0)
    }

    @Test func theLateOnesComeOut() {
        var (state, _) = makeState(queueMax: 9, deadlines: (0..<3).map { .seconds($0) })
        #expect(state.expired(at: start + .seconds(1)).map(\.work) == [0, 1])
        #expect(state.snapshot.waiting == 1)
    }

    @Test func anOutageRefusesUntilSomebodyConnects() {
        var state = PoolState<Int>(queueMax: 8)
        _ = state.started(threads: 2)
        guard case .queued = state.submit(1, id: 1, deadline: start) else {
            Issue.record("must wait")
            return
        }
        let refused = state.connectFailed(PostgresError(.unavailable, "away"))
        #expect(refused.map(\.work) == [1])
        guard case .refused(let error) = state.submit(2, id: 2, deadline: start) else {
            Issue.record("another turn")
            return
        }
        #expect(error.message == "away")
        state.connected()
        guard case .queued = state.submit(3, id: 3, deadline: start) else {
            Issue.record("must wait")
            return
        }
        // One of two threads failing is no outage.
        #expect(state.connectFailed(PostgresError(.unavailable, "away")).isEmpty)
        guard case .queued = state.submit(4, id: 4, deadline: start) else {
            Issue.record("must wait")
            return
        }
    }

    @Test func stoppingServesTheQueueFirst() {
        var state = PoolState<Int>(queueMax: 8)
        _ = state.started(threads: 1)
        state.connected()
        _ = state.submit(1, id: 1, deadline: start)
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
