import InMemory
import Placement
import PostgresLibpq
import Storage
import TestSupport
import Testbed
import Testing

/// Random histories, shuffled, repeated, split over workers and cut by a kill: always the state of a plain model.
@Suite(.serialized) struct LastWriterWinsTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func everyOrderAndRepetitionGivesTheSameState(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let changes = makeChanges(3000, random: &random)
        let expected = Model(changes)
        try await withDatabase(connections: 4) { pool in
            let store = PostgresLikeStore(pool: pool, statementRowsMax: 200)
            var order = changes + changes.filter { _ in Bool.random(using: &random) }
            order.shuffle(using: &random)
            try await applyByWorkers(order, store, workers: 4)
            try await expected.check(pool, "seed \(seed)")
            // All of it once more changes nothing.
            let again = try await store.apply(changes)
            #expect(again.changed == 0, "seed \(seed)")
            let memory = MemoryLikeStore()
            _ = try await memory.apply(order)
            #expect(try await memory.counts(of: expected.photos).filter { $0.value > 0 } == expected.counts)
        }
    }

    @Test func aServerKilledInMidBatchChangesNothingOfIt() async throws {
        try await withPostgres { server, url in
            var random = SplitMix64(seed: 99)
            let changes = makeChanges(20_000, users: 4000, random: &random)
            let order = changes.shuffled(using: &random)
            try await withDatabase(url: url, connections: 4) { pool in
                let store = PostgresLikeStore(pool: pool, statementRowsMax: 500)
                let work = Task { try await applyByWorkers(order, store, workers: 3) }
                for rows in [500, 2000] {
                    #expect(await eventually { try await pool.numbers("SELECT count(*) FROM likes")[0] > rows })
                    await server.kill()
                    try await server.start()
                }
                try await work.value
                try await Model(changes).check(pool, "after two kills")
                #expect(pool.statistics.losses > 0)
            }
        }
    }

    private func makeChanges(_ count: Int, users: Int = 120, random: inout SplitMix64) -> [LikeChange] {
        (0..<count).map { _ in
            // Few versions, so that equal ones with different values occur.
            LikeChange(
                photo: "p\(Int.random(in: 0..<5, using: &random))",
                user: "u\(Int.random(in: 0..<users, using: &random))",
                liked: Bool.random(using: &random), version: Int64.random(in: 1...50, using: &random),
                at: Int64.random(in: 1...1000, using: &random))
        }
    }

    /// Each worker takes every n-th change, in batches, and repeats what fails until it succeeds.
    private func applyByWorkers(_ changes: [LikeChange], _ store: PostgresLikeStore, workers: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<workers {
                group.addTask {
                    let own = stride(from: worker, to: changes.count, by: workers).map { changes[$0] }
                    for start in stride(from: 0, to: own.count, by: 150) {
                        let batch = Array(own[start..<min(start + 150, own.count)])
                        try await applyUntilDone(batch, store)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func applyUntilDone(_ batch: [LikeChange], _ store: PostgresLikeStore) async throws {
        for _ in 0..<2000 {
            do throws(StorageError) {
                _ = try await store.apply(batch)
                return
            } catch {
                guard error.isTransient else { throw error }
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        Issue.record("a batch never succeeded")
    }

    /// The newest change of each photo and user.
    private struct Model {
        struct Key: Hashable {
            var photo: String
            var user: String
        }

        private var newest: [Key: LikeChange] = [:]

        init(_ changes: [LikeChange]) {
            for change in changes {
                let key = Key(photo: change.photo, user: change.user)
                if let held = newest[key], (held.version, held.liked ? 1 : 0) >= (change.version, change.liked ? 1 : 0)
                {
                    continue
                }
                newest[key] = change
            }
        }

        var photos: [String] { Array(Set(newest.keys.map(\.photo))) }
        var counts: [String: Int64] {
            newest.values.filter(\.liked).reduce(into: [:]) { $0[$1.photo, default: 0] += 1 }
        }

        func check(_ pool: PostgresPool, _ what: Comment) async throws {
            let rows = try await pool.query("SELECT photo_id, user_id, liked, version FROM likes") {
                row throws(PostgresError) in
                "\(try row.text(0)) \(try row.text(1)) \(try row.boolean(2)) \(try row.bigint(3))"
            }
            let expected = newest.values.map { "\($0.photo) \($0.user) \($0.liked) \($0.version)" }
            #expect(Set(rows) == Set(expected), what)
            #expect(rows.count == expected.count, what)
            let store = PostgresLikeStore(pool: pool)
            #expect(try await store.counts(of: photos).filter { $0.value != 0 } == counts, what)
        }
    }
}
