import PostgresLibpq
import Storage
import TestSupport
import Testbed
import Testing
import Wire

@Suite struct CommentOverviewTests {
    @Test func theTotalAndTheNewest() async throws {
        try await withCommentStore { store, _ in
            for number in 1...12 { try await store.store(makeComment("c\(number)")) }
            _ = try await store.remove(id: "c11", by: "user1", moderator: false)
            let overview = try await store.overview(recent: [], limit: 3)
            #expect(overview.total == 11)
            #expect(overview.latest == ["c12", "c10", "c9"].map { makeComment($0) })
            #expect(try await store.overview(recent: ["c1"], limit: 20).latest.count == 11)
        }
    }

    /// A table that is too large to be scanned: the rows are estimated, and removed comments are not shown.
    @Test func aLargeTableIsNotScanned() async throws {
        try await withCommentStore { store, pool in
            for number in 1...12 { try await store.store(makeComment("c\(number)")) }
            _ = try await store.remove(id: "c11", by: "user1", moderator: false)
            let unknown = try await store.overview(recent: ["c1", "c11", "c7"], limit: 2, scanBytesMax: 1)
            #expect(unknown.total == 11, "counted as long as PostgreSQL has no estimate")
            #expect(unknown.latest.map(\.id) == ["c7", "c1"])
            try await pool.withConnection { connection in try connection.run(script: "ANALYZE comments") }
            #expect(try await store.overview(recent: [], limit: 2, scanBytesMax: 1).total == 12)
        }
    }

    @Test func everyDatabaseHasAnIdOfItsOwn() async throws {
        let url = try await sharedPostgres().makeDatabase()
        var ids: [String] = []
        for url in [url, url, nil] {
            ids.append(
                try await withCommentStore(url: url) { store, _ in
                    try await store.overview(recent: [], limit: 1).database
                })
        }
        #expect(ids[0] == ids[1])
        #expect(ids[0] != ids[2])
    }
}
