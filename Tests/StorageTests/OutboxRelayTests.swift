import PostgresLibpq
import Primitives
import TestSupport
import Testing

@testable import Storage

@Suite struct OutboxRelayTests {
    /// Payloads in the order in which they were handled.
    private final class Handled: Sendable {
        private let list = Mutex<[String]>([])
        var all: [String] { list.withLock { $0 } }
        func add(_ rows: [OutboxRow]) { list.withLock { $0 += rows.map(\.payload) } }
    }

    private func makeRelay(
        _ pool: PostgresPool, batchMax: Int = 20, lease: Duration = .seconds(30), attemptsMax: Int = 20,
        _ handler: @escaping OutboxRelay.Handler
    ) -> OutboxRelay {
        var settings = OutboxRelay.Settings()
        settings.interval = .milliseconds(10)
        settings.batchMax = batchMax
        settings.lease = lease
        settings.retry = Backoff(base: .milliseconds(10), cap: .milliseconds(20))
        settings.attemptsMax = attemptsMax
        return OutboxRelay(pool: pool, topic: .notify, settings: settings, logger: quietLogger, handler: handler)
    }

    private func fill(_ pool: PostgresPool, _ rows: Range<Int>, topic: String = "notify") async throws {
        try await pool.execute(
            "INSERT INTO outbox (topic, payload) SELECT $1, to_jsonb(n) FROM unnest($2::bigint[]) AS n",
            [.text(topic), .bigints(rows.map { Int64($0) })])
    }

    private func count(_ pool: PostgresPool) async throws -> Int64 {
        try await pool.numbers("SELECT count(*) FROM outbox")[0]
    }

    @Test func manyRelaysHandleEachRowOnce() async throws {
        try await withDatabase(connections: 4) { pool in
            try await fill(pool, 0..<60)
            try await fill(pool, 100..<103, topic: "other")
            let handled = Handled()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    let relay = makeRelay(pool, batchMax: 3) { rows in
                        handled.add(rows)
                        try await Task.sleep(for: .milliseconds(1))
                    }
                    group.addTask { while try await relay.relay() > 0 {} }
                }
                try await group.waitForAll()
            }
            #expect(handled.all.sorted() == (0..<60).map { "\($0)" }.sorted())
            #expect(try await count(pool) == 3)
        }
    }

    @Test func aRowThatFailsIsKeptAndTriedAgainAndHoldsUpNobody() async throws {
        try await withDatabase { pool in
            try await fill(pool, 0..<5)
            let handled = Handled()
            let failures = Mutex(0)
            let relay = makeRelay(pool) { rows in
                if rows.contains(where: { $0.payload == "2" }), failures.withLock({ $0 }) < 3 {
                    if rows.count == 1 { failures.withLock { $0 += 1 } }
                    throw StorageError(.internal, "not yet")
                }
                handled.add(rows)
            }
            #expect(try await relay.relay() == 5)
            #expect(handled.all == ["0", "1", "3", "4"])
            #expect(try await count(pool) == 1)
            try await withBackground({ await relay.run() }) {
                #expect(await eventually { handled.all.last == "2" })
                #expect(await eventually { try await count(pool) == 0 })
            }
            #expect(failures.withLock { $0 } == 3)
        }
    }

    @Test func whatNobodyCanHandleIsADeadLetter() async throws {
        try await withDatabase { pool in
            try await fill(pool, 0..<3)
            let handled = Handled()
            let relay = makeRelay(pool, attemptsMax: 2) { rows in
                if rows.contains(where: { $0.payload == "0" }) { throw StorageError(.invalid, "unreadable") }
                if rows.contains(where: { $0.payload == "1" }) { throw StorageError(.internal, "never works") }
                handled.add(rows)
            }
            let dead: PostgresStatement = """
                SELECT payload::text || ' ' || error FROM outbox WHERE available_at = 'infinity' ORDER BY id
                """
            func letters() async throws -> [String] { try await pool.texts(dead) }
            try await withBackground({ await relay.run() }) {
                #expect(await eventually { try await letters().count == 2 })
            }
            #expect(try await letters() == ["0 invalid: unreadable", "1 internal: never works"])
            #expect(handled.all == ["2"])
            #expect(try await relay.relay() == 0)
        }
    }

    @Test func whatAnotherProcessHadClaimedIsHandledWhenItsLeaseIsOver() async throws {
        try await withDatabase { pool in
            try await fill(pool, 0..<1)
            let mortal = makeRelay(pool, lease: .milliseconds(300)) { _ in try await Task.sleep(for: .seconds(60)) }
            let start = ContinuousClock.now
            let dying = Task { try await mortal.relay() }
            #expect(
                await eventually {
                    try await pool.numbers("SELECT attempts::int8 FROM outbox") == [1]
                })
            let handled = Handled()
            let relay = makeRelay(pool) { handled.add($0) }
            #expect(try await relay.relay() == 0)
            try await withBackground({ await relay.run() }) { #expect(await eventually { handled.all == ["0"] }) }
            #expect(ContinuousClock.now - start >= .milliseconds(300))
            // Not before: a process that is told to end gives back what it has claimed.
            dying.cancel()
            #expect(await eventually { (try? await count(pool)) == 0 })
        }
    }

    /// Nobody can handle anything for a while: that is no fault of the rows.
    @Test func anOutageCostsNoAttempt() async throws {
        try await withDatabase { pool in
            try await fill(pool, 0..<2)
            let isAway = Mutex(true)
            let attempts = Mutex<[Int]>([])
            let relay = makeRelay(pool) { rows in
                if isAway.withLock({ $0 }) { throw StorageError(.unavailable, "away") }
                attempts.withLock { $0 += rows.map(\.attempt) }
            }
            for _ in 0..<3 {
                #expect(await thrown(StorageError.self) { _ = try await relay.relay() }?.code == .unavailable)
            }
            isAway.withLock { $0 = false }
            #expect(try await relay.relay() == 2)
            #expect(attempts.withLock { $0 } == [1, 1])
        }
    }

    @Test func whatIsStoredAndTheRowsEndAreOne() async throws {
        try await withDatabase { pool in
            let store = PostgresNotificationStore(pool: pool)
            try await fill(pool, 0..<1)
            let event = NotifyEvent(.like, user: "u1", at: 1, photo: "p", owner: "otto")
            let rows = Mutex<[OutboxRow]>([])
            // It stores and deletes in one transaction, and dies before the relay has heard of it.
            let relay = makeRelay(pool) { claimed in
                rows.withLock { $0 = claimed }
                _ = try await store.add([event], completing: claimed)
                throw StorageError(.internal, "dies")
            }
            _ = try await relay.relay()
            #expect(try await count(pool) == 0)
            // Somebody else who had claimed the same row meanwhile.
            let late = rows.withLock { $0 }
            let other = NotifyEvent(.like, user: "u2", at: 1, photo: "p", owner: "otto")
            #expect(
                await thrown(StorageError.self) { _ = try await store.add([other], completing: late) }?.code
                    == .duplicate)
            #expect(try await store.notifications(of: "otto", before: nil, limit: 9).items.map(\.likers) == [1])
        }
    }
}

/// The row that leads from a batch of likes to the owners' notifications.
@Suite struct LikeOutboxTests {
    @Test func aBatchAndItsRowAreOneAndARepetitionIsNothing() async throws {
        try await withLikes { store, pool in
            for photo in ["p1", "p2"] { _ = try await store.register(photo: photo, owner: "otto") }
            let batch = [
                change("p1", "a", 1), change("p1", "b", 1), change("p2", "a", 1), change("p1", "otto", 1),
                change("unowned", "a", 1), change("p1", "c", 1), change("p1", "c", 2, liked: false),
            ]
            #expect(try await store.apply(batch).notificationsSkipped == 0)
            let expected = Set(["p1 a", "p1 b", "p2 a"].map { "\($0) otto 1000000" })
            #expect(try await events(pool) == [expected])
            _ = try await store.apply(batch)
            _ = try await store.apply([change("p1", "a", 2, liked: false), change("p2", "otto", 1)])
            #expect(try await events(pool) == [expected])
            // Again a like: the window of time decides whether it counts.
            _ = try await store.apply([change("p1", "a", 3)])
            #expect(try await events(pool).last == ["p1 a otto 1000000"])
        }
    }

    @Test func withoutTheRowThereIsNoLike() async throws {
        try await withLikes { store, pool in
            _ = try await store.register(photo: "p1", owner: "otto")
            try await pool.execute("ALTER TABLE outbox ADD CHECK (topic <> 'notify')")
            #expect(await thrown(StorageError.self) { _ = try await store.apply([change("p1", "a", 1)]) } != nil)
            #expect(try await store.counts(of: ["p1"]) == ["p1": 0])
            #expect(try await store.isLiked(photo: "p1", by: "a") == false)
        }
    }

    @Test func theOutboxIsBounded() async throws {
        try await withDatabase { pool in
            let store = PostgresLikeStore(pool: pool, outboxMax: 3)
            _ = try await store.register(photo: "p", owner: "owner")
            var skipped: [Int] = []
            for batch in 0..<5 {
                let likes = (0..<10).map { change("p", "user\(batch)-\($0)", 1) }
                skipped.append(try await store.apply(likes).notificationsSkipped)
            }
            #expect(skipped == [0, 0, 0, 10, 10])
            #expect(try await events(pool).count == 3)
            #expect(try await store.counts(of: ["p"]) == ["p": 50])
        }
    }

    private func change(_ photo: String, _ user: String, _ version: Int64, liked: Bool = true) -> LikeChange {
        LikeChange(photo: photo, user: user, liked: liked, version: version, at: 1_000_000)
    }

    /// What each row says, oldest first.
    private func events(_ pool: PostgresPool) async throws -> [Set<String>] {
        let rows = try await pool.query(
            """
            SELECT id, event ->> 'photo' || ' ' || (event ->> 'user') || ' ' || (event ->> 'owner') || ' ' || (event ->> 'at')
            FROM outbox, jsonb_array_elements(payload) AS event ORDER BY id
            """
        ) { row throws(PostgresError) in (try row.bigint(0), try row.text(1)) }
        return Dictionary(grouping: rows, by: \.0).sorted { $0.key < $1.key }.map { Set($0.value.map(\.1)) }
    }
}
