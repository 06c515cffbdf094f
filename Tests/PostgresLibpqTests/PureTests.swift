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

    private struct AnotherTurn: Error {}

    private func expectQueued(_ number: Int, _ state: inout PoolState<Int>) throws {
        guard case .queued = state.submit(number, id: UInt64(number), deadline: start) else { throw AnotherTurn() }
    }

    @Test func theQueueKeepsOrderUnderRemoval() throws {
        var (state, queued) = makeState(queueMax: 4, deadlines: Array(repeating: .zero, count: 5))
        #expect(queued == [true, true, true, true, false])
        guard case .job(let first) = state.turn(of: 0), first.work == 0 else { throw AnotherTurn() }
        #expect(state.cancel(2)?.work == 2)
        #expect(state.connectFailed(PostgresError(.unavailable, "away")).map(\.work) == [1, 3])
        #expect(state.snapshot.waiting == 0)
    }

    @Test func theLateOnesComeOut() throws {
        var (state, _) = makeState(queueMax: 9, deadlines: (0..<3).map { .seconds($0) })
        #expect(state.expired(at: start + .seconds(1)).map(\.work) == [0, 1])
        #expect(state.snapshot.waiting == 1)
    }

    @Test func anOutageRefusesUntilSomebodyConnects() throws {
        var state = PoolState<Int>(queueMax: 8)
        _ = state.started(threads: 2)
        try expectQueued(1, &state)
        let refused = state.connectFailed(PostgresError(.unavailable, "away"))
        #expect(refused.map(\.work) == [1])
        guard case .refused(let error) = state.submit(2, id: 2, deadline: start) else { throw AnotherTurn() }
        #expect(error.message == "away")
        state.connected()
        try expectQueued(3, &state)
        // One of two threads failing is no outage.
        #expect(state.connectFailed(PostgresError(.unavailable, "away")).isEmpty)
        try expectQueued(4, &state)
    }

    @Test func stoppingServesTheQueueFirst() throws {
        var state = PoolState<Int>(queueMax: 8)
        _ = state.started(threads: 1)
        state.connected()
        _ = state.submit(1, id: 1, deadline: start)
        let mustWait = state.stop()
        #expect(mustWait)
        guard case .job(let job) = state.turn(of: 0), job.work == 1 else { throw AnotherTurn() }
        guard case .end = state.turn(of: 0) else { throw AnotherTurn() }
        let ending = state.threadEnded(connected: true)
        #expect(ending.isLast)
        #expect(state.snapshot.connected == 0)
    }
}
