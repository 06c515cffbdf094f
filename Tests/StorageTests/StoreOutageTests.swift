import PostgresLibpq
import Primitives
import Storage
import TestSupport
import Testbed
import Testing
import Wire

/// PostgreSQL is killed while comments and positions are on their way.
@Suite(.serialized) struct StoreOutageTests {
    @Test func whatWasAcknowledgedIsThereAfterAKill() async throws {
        try await withKillableStore { store, _, server, url in
            let outcomes = try await writers(store) { outcomes in
                #expect(await eventually { outcomes.acknowledged > 100 })
                await server.kill()
                #expect(await eventually { outcomes.refused > 20 })
                try await server.start()
                let before = outcomes.acknowledged
                #expect(await eventually { outcomes.acknowledged > before + 100 })
            }
            let stored = Set(
                try await server.sql("SELECT id FROM comments", url: url).split(separator: "\n").map(String.init))
            let acknowledged = outcomes.filter { $0.error == nil }.map(\.id)
            let refused = outcomes.filter { $0.error?.outcomeIsUnknown == false }.map(\.id)
            #expect(acknowledged.count > 100 && refused.count > 10)
            #expect(acknowledged.allSatisfy(stored.contains))
            #expect(!refused.contains(where: stored.contains))
            #expect(outcomes.allSatisfy { $0.error?.isTransient ?? true })
        }
    }

    @Test func anAwayDatabaseIsAnAnswerAndNoWait() async throws {
        try await withKillableStore { store, pool, server, url in
            try await store.store(makeComment("c1"))
            await server.kill()
            #expect(await eventually { !store.isReady })
            #expect(await eventually { pool.statistics.connectFailures > 0 })
            let start = ContinuousClock.now
            let error = await thrown(StorageError.self) { try await store.store(makeComment("c2")) }
            #expect(error?.code == .unavailable)
            #expect(ContinuousClock.now - start < .seconds(1))
        }
    }

    @Test func positionsOutliveAnOutage() async throws {
        try await withKillableStore { store, pool, server, url in
            try await store.store(makeComment("c1"))
            await server.kill()
            #expect(await eventually { !store.isReady })
            store.addPublished([PublishedPosition(id: "c1", position: Position(offset: 5, epoch: "e"))])
            // It outlives attempts of the pool, too.
            let failures = pool.statistics.connectFailures
            #expect(await eventually { pool.statistics.connectFailures > failures + 2 })
            #expect(store.positionsWaiting == 1)
            try await server.start()
            #expect(await eventually { (try? await store.comment(id: "c1"))??.position?.offset == 5 })
        }
    }

    @Test func positionsThatWaitAreSavedAtTheEnd() async throws {
        try await withPostgres { server, url in
            var settings = CommentStoreSettings()
            settings.positionInterval = .seconds(60)
            try await withCommentStore(url: url, settings: settings) { store, _ in
                try await store.store(makeComment("c1"))
                try await Task.sleep(for: .milliseconds(100))
                store.addPublished([PublishedPosition(id: "c1", position: Position(offset: 5, epoch: "e"))])
                #expect(store.positionsWaiting == 1)
            }
            #expect(try await server.sql("SELECT published_offset FROM comments", url: url) == "5")
        }
    }

    private func withKillableStore(
        _ body: (PostgresCommentStore, PostgresPool, Node, String) async throws -> Void
    ) async throws {
        try await withPostgres { server, url in
            try await withCommentStore(url: url) { store, pool in try await body(store, pool, server, url) }
        }
    }

    private final class Outcomes: Sendable {
        let list = Mutex<[(id: String, error: StorageError?)]>([])
        var acknowledged: Int { list.withLock { $0.count { $0.error == nil } } }
        var refused: Int { list.withLock { $0.count { $0.error?.outcomeIsUnknown == false } } }
    }

    /// Eight writers store one comment after the other until `fault` is over.
    private func writers(
        _ store: PostgresCommentStore, fault: (Outcomes) async throws -> Void
    ) async throws -> [(id: String, error: StorageError?)] {
        let outcomes = Outcomes()
        let writing = (0..<8).map { writer in
            Task {
                for number in 0..<100_000 where !Task.isCancelled {
                    let id = "w\(writer)-\(number)"
                    let error = await thrown(StorageError.self) { try await store.store(makeComment(id)) }
                    outcomes.list.withLock { $0.append((id: id, error: error)) }
                    if error != nil { try? await Task.sleep(for: .milliseconds(5)) }
                }
            }
        }
        try await fault(outcomes)
        for task in writing { task.cancel() }
        for task in writing { await task.value }
        return outcomes.list.withLock { $0 }
    }
}
