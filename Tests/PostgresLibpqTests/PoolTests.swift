import Dispatch
import PostgresLibpq
import Primitives
import TestSupport
import Testing

@Suite struct PoolTests {
    @Test func manyCallersShareFewConnections() async throws {
        try await withPool { pool in
            let sum = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        try await pool.query("SELECT $1::int8", [.bigint(Int64(number))]) {
                            row throws(PostgresError) in try row.bigint(0)
                        }[0]
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 124_750)
            #expect((1...2).contains(pool.statistics.connects))
            #expect(pool.statistics.begun == 500)
        }
    }

    @Test func aFullQueueRefusesAtOnce() async throws {
        try await withPool(connections: 1, { $0.queueMax = 2 }) { pool in
            let outcomes = Mutex<[PostgresError.Code?]>([])
            let hold = await occupy(pool)
            for _ in 0..<3 {
                pool.submit { result in
                    let code: PostgresError.Code? = if case .failure(let error) = result { error.code } else { nil }
                    outcomes.withLock { $0.append(code) }
                }
            }
            #expect(outcomes.withLock { $0 } == [.overloaded])
            hold.signal()
            #expect(await eventually { outcomes.withLock { $0.count } == 3 })
            #expect(outcomes.withLock { $0 } == [.overloaded, nil, nil])
            #expect(pool.statistics.refusedFull == 1)
        }
    }

    @Test func whoWaitsTooLongIsTold() async throws {
        try await withPool(connections: 1, { $0.queueWaitMax = .milliseconds(50) }) { pool in
            pool.submit { result in
                if case .success(let connection) = result { _ = try? connection.execute("SELECT pg_sleep(0.3)") }
            }
            let start = ContinuousClock.now
            let error = await thrown(PostgresError.self) { try await pool.execute("SELECT 1") }
            #expect(error?.code == .timeout)
            #expect(error?.outcome == .notDone)
            #expect(ContinuousClock.now - start >= .milliseconds(50))
        }
    }

    @Test func aCancelledCallerLeavesTheQueue() async throws {
        try await withPool(connections: 1) { pool in
            let hold = await occupy(pool)
            let task = Task { await thrown(PostgresError.self) { try await pool.execute("SELECT 1") } }
            #expect(await eventually { pool.statistics.waiting == 1 })
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            #expect(pool.statistics.waiting == 0)
            hold.signal()
        }
    }

    @Test func stopFinishesWhatWaitsAndRefusesTheRest() async throws {
        let finished = Mutex(0)
        let pool = try await withPool(connections: 1) { pool in
            for _ in 0..<20 {
                pool.submit { result in
                    guard case .success(let connection) = result else { return }
                    if (try? connection.execute("SELECT pg_sleep(0.01)")) != nil { finished.withLock { $0 += 1 } }
                }
            }
            return pool
        }
        #expect(finished.withLock { $0 } == 20)
        let error = await thrown(PostgresError.self) { try await pool.execute("SELECT 1") }
        #expect(error?.code == .unavailable)
        #expect(!pool.isReady)
    }

    /// Keeps one session busy until the semaphore is signalled.
    private func occupy(_ pool: PostgresPool) async -> DispatchSemaphore {
        let (begun, hold) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        pool.submit { _ in
            begun.signal()
            hold.wait()
        }
        await blocking { begun.wait() }
        return hold
    }
}
