import Dispatch
import InMemory
import PostgresLibpq
import TestSupport
import Testing
import Wire

@testable import Storage

/// What both stores of likes promise.
@Suite struct LikeStoreTests {
    enum Kind: CaseIterable {
        case memory, postgres
    }

    @Test(arguments: Kind.allCases) func likingTwiceCountsOnce(kind: Kind) async throws {
        try await withStore(kind) { store in
            let first = try await store.apply([like("anna", 1)])
            #expect(first == LikeBatchOutcome(changed: 1, counts: ["p1": 1]))
            #expect(try await store.apply([like("anna", 1)]) == LikeBatchOutcome(ignored: 1))
            #expect(try await store.apply([like("anna", 2)]).counts.isEmpty)
            #expect(try await store.counts(of: ["p1", "p2"]) == ["p1": 1])
            #expect(try await store.isLiked(photo: "p1", by: "anna"))
            #expect(try await store.isLiked(photo: "p1", by: "bert") == false)
        }
    }

    @Test(arguments: Kind.allCases) func anUnlikeThatOvertakesItsLikeWins(kind: Kind) async throws {
        try await withStore(kind) { store in
            _ = try await store.apply([unlike("anna", 5)])
            _ = try await store.apply([like("anna", 4)])
            #expect(try await store.counts(of: ["p1"])["p1"] ?? 0 == 0)
            let outcome = try await store.apply([like("anna", 6), like("bert", 1), unlike("bert", 2)])
            #expect(outcome.counts == ["p1": 1])
        }
    }

    @Test(arguments: Kind.allCases) func whatCannotBeStoredIsNamedAndTheRestIsDone(kind: Kind) async throws {
        try await withStore(kind) { store in
            let outcome = try await store.apply([
                like("anna", 1), like("a b", 1), LikeChange(photo: "", user: "u", liked: true, version: 1, at: 1),
                LikeChange(photo: "p1", user: "late", liked: true, version: 1, at: .max), like("bert", 1),
            ])
            #expect(outcome == LikeBatchOutcome(changed: 2, refused: [1, 2, 3], counts: ["p1": 2]))
        }
    }

    @Test(arguments: Kind.allCases) func likersComeNewestFirst(kind: Kind) async throws {
        try await withStore(kind) { store in
            // Two at the same moment, so that the cursor needs the user too.
            _ = try await store.apply((0..<10).map { like("u\($0)", 1, at: Int64(1000 + $0 / 2)) } + [unlike("u4", 2)])
            var (pages, cursor): ([[String]], LikersCursor?) = ([], nil)
            repeat {
                let page = try await store.likers(of: "p1", before: cursor, limit: 4)
                pages.append(page.items.map(\.user))
                cursor = page.next.flatMap { LikersCursor(parsing: $0.description) }
            } while cursor != nil && pages.count < 9
            #expect(pages == [["u9", "u8", "u7", "u6"], ["u5", "u3", "u2", "u1"], ["u0"]])
        }
    }

    @Test(arguments: Kind.allCases, [1, 3, 16]) func partitionsHoldEveryMemberOnce(kind: Kind, partitions: Int)
        async throws
    {
        try await withStore(kind) { store in
            _ = try await store.apply((0..<200).map { like("u\($0)", Int64($0)) } + [unlike("u7", 900)])
            _ = try await store.apply([like("u1", 999, photo: "other")])
            var users: [String] = []
            for partition in 0..<partitions {
                let slots = UserSlot.slots(ofPartition: partition, partitions: partitions)
                #expect(
                    try await store.count(of: "p1", in: slots)
                        == store.members(of: "p1", in: slots, after: nil, limit: 999).items.count)
                var cursor: LikeMember?
                repeat {
                    let page = try await store.members(of: "p1", in: slots, after: cursor, limit: 7)
                    #expect(
                        page.items.allSatisfy { UserSlot.partition(of: $0.user, partitions: partitions) == partition })
                    users += page.items.map(\.user)
                    cursor = page.next
                } while cursor != nil && users.count < 999
            }
            #expect(users.count == 199)
            #expect(Set(users) == Set((0..<200).map { "u\($0)" }).subtracting(["u7"]))
            let partition = UserSlot.partition(of: "u7", partitions: partitions)
            let slots = UserSlot.slots(ofPartition: partition, partitions: partitions)
            #expect(try await store.newestVersion(of: "p1", in: slots) == 900)
            #expect(try await store.newestVersion(of: "nosuch", in: slots) == 0)
        }
    }

    @Test(arguments: Kind.allCases) func theFirstOwnerStays(kind: Kind) async throws {
        try await withStore(kind) { store in
            _ = try await store.apply([like("anna", 1)])
            #expect(try await store.register(photo: "p1", owner: "otto") == "otto")
            #expect(try await store.register(photo: "p1", owner: "eve") == "otto")
            #expect(try await store.counts(of: ["p1"]) == ["p1": 1])
            #expect(try await store.photos(after: nil, limit: 9) == [PhotoCount(photo: "p1", count: 1)])
            #expect(try await store.photos(after: "p1", limit: 9).isEmpty)
        }
    }

    @Test func aWrongCountIsFoundAndCorrected() async throws {
        try await withLikes { store, pool in
            _ = try await store.apply((0..<5).map { like("u\($0)", 1) } + [unlike("u9", 1)])
            try await pool.execute("UPDATE photos SET like_count = 77")
            #expect(try await store.recount(photo: "p1") == CountRepair(before: 77, after: 5))
            #expect(try await store.recount(photo: "p1") == CountRepair(before: 5, after: 5))
            #expect(try await store.recount(photo: "nosuch") == CountRepair(before: 0, after: 0))
        }
    }

    @Test func countsStayExactWhileTheyAreRecounted() async throws {
        try await withDatabase(connections: 4) { pool in
            let store = PostgresLikeStore(pool: pool, statementRowsMax: 50)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<2 {
                    group.addTask {
                        for batch in 0..<20 {
                            _ = try await store.apply((0..<50).map { like("w\(worker)-\(batch)-\($0)", 1) })
                        }
                    }
                }
                group.addTask { for _ in 0..<40 { _ = try await store.recount(photo: "p1") } }
                try await group.waitForAll()
            }
            #expect(try await store.counts(of: ["p1"]) == ["p1": 2000])
        }
    }

    @Test func aBatchThatCommitsDuringARecountIsCounted() async throws {
        try await withLikes { store, pool in
            _ = try await store.apply([like("u1", 1)])
            let applied = DispatchSemaphore(value: 0)
            let batch = Task {
                try await pool.transaction { connection in
                    try connection.execute("INSERT INTO likes VALUES ('p1', 'u2', 1, true, false, 1, now())")
                    try connection.execute("UPDATE photos SET like_count = like_count + 1")
                    applied.signal()
                    try connection.execute("SELECT pg_sleep(0.3)")
                }
            }
            await blocking { applied.wait() }
            let repair = try await store.recount(photo: "p1")
            try await batch.value
            #expect(repair == CountRepair(before: 2, after: 2))
        }
    }

    @Test func onlyOldWithdrawnLikesArePurged() async throws {
        try await withLikes { store, pool in
            let recent = try await pool.query("SELECT now()") { row throws(PostgresError) in try row.timestamp(0) }[0]
            _ = try await store.apply([
                like("old", 1), unlike("gone", 1), unlike("gone2", 1), unlike("recent", 1, at: recent),
            ])
            #expect(try await store.purgeTombstones(olderThan: .seconds(3600), limit: 1) == 1)
            #expect(try await store.purgeTombstones(olderThan: .seconds(3600), limit: 100) == 1)
            let left = try await pool.texts("SELECT user_id FROM likes ORDER BY 1")
            #expect(left == ["old", "recent"])
        }
    }

    /// Each row takes 10 ms and a statement may take 300: only smaller statements ever get through.
    @Test func aStatementThatTakesTooLongIsSplit() async throws {
        try await withDatabase({ $0.statementTimeout = .milliseconds(300) }) { pool in
            let store = PostgresLikeStore(pool: pool)
            try await pool.withConnection { connection in
                try connection.run(
                    script: """
                        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                            'BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END';
                        CREATE TRIGGER slow BEFORE INSERT ON likes FOR EACH ROW EXECUTE FUNCTION slow();
                        """)
            }
            #expect(try await store.apply((0..<100).map { like("u\($0)", 1) }).changed == 100)
            #expect(try await store.counts(of: ["p1"])["p1"] == 100)
        }
    }

    private func withStore(_ kind: Kind, _ body: (any LikeStore) async throws -> Void) async throws {
        switch kind {
        case .memory: try await body(MemoryLikeStore())
        case .postgres: try await withDatabase { try await body(PostgresLikeStore(pool: $0, statementRowsMax: 40)) }
        }
    }
}

private func like(_ user: String, _ version: Int64, photo: String = "p1", at: Int64 = 1_000) -> LikeChange {
    LikeChange(photo: photo, user: user, liked: true, version: version, at: at)
}

private func unlike(_ user: String, _ version: Int64, at: Int64 = 2_000) -> LikeChange {
    LikeChange(photo: "p1", user: user, liked: false, version: version, at: at)
}
