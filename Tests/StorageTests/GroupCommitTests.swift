import Dispatch
import PostgresLibpq
import Primitives
import TestSupport
import Testing
import Wire

@testable import Storage

/// Group commit against a real server.
@Suite struct GroupCommitTests {
    @Test func manyCommentsFewTransactions() async throws {
        try await withCommentStore { store, pool in
            let outcomes = await storeAll((0..<2000).map { makeComment("c\($0)") }, in: store)
            #expect(outcomes.allSatisfy { $0.error == nil })
            let transactions = try await pool.query("SELECT count(DISTINCT xmin::text), count(*) FROM comments") {
                row throws(PostgresError) in [try row.bigint(0), try row.bigint(1)]
            }[0]
            #expect(transactions[1] == 2000)
            #expect(transactions[0] < 500, "\(transactions[0]) transactions")
        }
    }

    @Test func oneBadRowFailsAlone() async throws {
        try await withCommentStore { store, pool in
            // Longer than the table's constraint allows, which only the database checks.
            let tooLong = String(repeating: "x", count: 10_001)
            let comments = (0..<300).map { makeComment("c\($0)", text: $0 % 100 == 50 ? tooLong : "fine") }
            let outcomes = try await whileHeld(pool, store, until: 300) { await storeAll(comments, in: store) }
            let failed = outcomes.filter { $0.error != nil }
            #expect(Set(failed.map(\.id)) == ["c50", "c150", "c250"])
            #expect(failed.allSatisfy { $0.error?.code == .invalid && $0.error?.outcomeIsUnknown == false })
            #expect(try await count(pool) == 297)
        }
    }

    @Test func twinsInOneBatchGetOneYes() async throws {
        try await withCommentStore { store, pool in
            try await store.store(makeComment("old"))
            let comments = (0..<50).flatMap { [makeComment("c\($0)"), makeComment("c\($0)")] } + [makeComment("old")]
            let outcomes = try await whileHeld(pool, store, until: 101) { await storeAll(comments, in: store) }
            #expect(outcomes.filter { $0.error == nil }.count == 50)
            #expect(outcomes.filter { $0.error?.code == .duplicate }.count == 51)
        }
    }

    @Test func overTheLimitIsRefusedAtOnce() async throws {
        var settings = CommentStoreSettings()
        settings.waitingMax = 10
        try await withCommentStore(settings: settings) { store, pool in
            let first = (0..<10).map { makeComment("c\($0)") }
            let outcomes = try await whileHeld(pool, store, until: 10) {
                await storeAll(first, in: store)
            } then: {
                let refused = await storeAll((10..<30).map { makeComment("c\($0)") }, in: store)
                #expect(refused.filter { $0.error?.code == .overloaded }.count == 20)
            }
            #expect(outcomes.filter { $0.error == nil }.count == 10)
            #expect(try await count(pool) == 10)
        }
    }

    @Test func whoWaitsTooLongIsToldAndNotStored() async throws {
        var settings = CommentStoreSettings()
        settings.waitMax = .milliseconds(100)
        try await withCommentStore(settings: settings, connections: 1) { store, pool in
            let start = ContinuousClock.now
            let outcomes = try await whileHeld(pool, store, until: nil) {
                await storeAll((0..<5).map { makeComment("c\($0)") }, in: store)
            }
            #expect(ContinuousClock.now - start >= .milliseconds(100))
            #expect(outcomes.allSatisfy { $0.error?.code == .timeout && $0.error?.outcomeIsUnknown == false })
            #expect(try await count(pool) == 0)
        }
    }

    @Test func aTableThatIsLockedTimesOutAndNothingIsHalfDone() async throws {
        try await withCommentStore({ $0.statementTimeout = .milliseconds(200) }) { store, pool in
            let lock = await lockTable(pool, tenths: 10)
            let start = ContinuousClock.now
            let error = await thrown(StorageError.self) { try await store.store(makeComment("c1")) }
            #expect(error?.code == .timeout)
            #expect(error?.outcomeIsUnknown == false)
            #expect(ContinuousClock.now - start >= .milliseconds(200))
            try await lock.value
            #expect(try await store.comment(id: "c1") == nil)
            try await store.store(makeComment("c1"))
        }
    }

    @Test func positionsOfAStatementThatFailedAreSavedLater() async throws {
        try await withCommentStore({ $0.statementTimeout = .milliseconds(150) }) { store, pool in
            try await store.store(makeComment("c1"))
            let lock = await lockTable(pool, tenths: 6)
            store.addPublished([PublishedPosition(id: "c1", position: Position(offset: 5, epoch: "e"))])
            try await lock.value
            #expect(await eventually { (try? await store.comment(id: "c1"))??.position?.offset == 5 })
        }
    }

    @Test func puttingBackKeepsOrderAndLimit() {
        var queue = BatchQueue<Int>(limits: .init(waitingMax: 3, batchMax: 4))
        _ = queue.append(7)
        let refused = queue.putBack([1, 2, 3])
        #expect(refused == 1)
        #expect(Array(queue.waiting) == [1, 2, 7])
    }

    /// Occupies all sessions until so many comments of `body` wait, so that they go as one batch; with `nil` until `body`
    /// is over. `then` runs before they go.
    private func whileHeld<T: Sendable>(
        _ pool: PostgresPool, _ store: PostgresCommentStore, until waiting: Int?,
        _ body: @escaping @Sendable () async -> T, then: () async -> Void = {}
    ) async throws -> T {
        let (held, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let sessions = pool.configuration.connections
        for _ in 0..<sessions {
            pool.submit { _ in
                held.signal()
                release.wait()
            }
        }
        await blocking { for _ in 0..<sessions { held.wait() } }
        let result = Task { await body() }
        if let waiting {
            #expect(await eventually { store.withQueue { $0.waiting.count } == waiting })
        } else {
            _ = await result.value
        }
        await then()
        for _ in 0..<sessions { release.signal() }
        return await result.value
    }

    /// Locks the table of comments for so many tenths of a second; it is locked on return.
    private func lockTable(_ pool: PostgresPool, tenths: Int) async -> Task<Void, any Error> {
        let locked = DispatchSemaphore(value: 0)
        let lock = Task {
            try await pool.transaction(timeout: .seconds(5)) { connection in
                try connection.execute("LOCK TABLE comments")
                locked.signal()
                for _ in 0..<tenths { try connection.execute("SELECT pg_sleep(0.1)") }
            }
        }
        await blocking { locked.wait() }
        return lock
    }

    private func count(_ pool: PostgresPool) async throws -> Int64 {
        try await pool.numbers("SELECT count(*) FROM comments")[0]
    }
}
