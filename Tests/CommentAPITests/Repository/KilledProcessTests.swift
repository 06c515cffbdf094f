import Broker
import Glibc
import TestSupport
import Testbed
import Testing
import Wire

@testable import CommentAPI

/// The built binary under load, ended in the middle of it.
@Suite struct KilledProcessTests {
    private static let videos = 3

    private func run(
        signal: Int32, _ check: @escaping @Sendable (Set<String>, String, Node, String) async throws -> Void
    ) async throws {
        let database = try await sharedPostgres().makeDatabase()
        try await withTemporaryFolder { folder in
            try await withRedis { redis in
                let process = try await RunningProcess(folder: folder, name: "first", redis: redis, database: database)
                let program = process.program
                let acknowledged = await process.postUntilItEnds(writers: 24, videos: Self.videos) { count in
                    if count == 400 { program.signal(signal) }
                }
                #expect(await program.end(within: 20) != nil)
                #expect(acknowledged.count >= 400)
                try await check(acknowledged, database, redis, folder)
            }
        }
    }

    /// Ids in the order of the channels' histories.
    private func publishedIDs(_ redis: Node, database: String) async throws -> [String] {
        try await withDatabaseAPI(redis: redis, database: database) { _, broker, _ in
            var ids: [String] = []
            for number in 0..<Self.videos {
                let events = try await broker.latest(of: try video("v\(number)"), before: nil, limit: 100_000)
                ids += events.compactMap { CommentEvents.comment(in: $0.payload)?.id }
            }
            return ids
        }
    }

    private func storedIDs(_ database: String, where condition: String = "true") async throws -> [String] {
        try await sharedPostgres().sql("SELECT id FROM comments WHERE \(condition)", url: database)
            .split(separator: "\n").map(String.init)
    }

    @Test func killedInBetweenNothingIsLostAndNothingTwice() async throws {
        try await run(signal: SIGKILL) { acknowledged, database, redis, folder in
            let second = try await RunningProcess(folder: folder, name: "second", redis: redis, database: database)
            let isEmpty = await eventually(within: 30) {
                try await storedIDs(database, where: "published_offset IS NULL").isEmpty
            }
            await second.program.stop()
            #expect(isEmpty)
            let stored = try await storedIDs(database)
            let published = try await publishedIDs(redis, database: database)
            #expect(acknowledged.isSubset(of: stored))
            #expect(published.sorted() == stored.sorted())
        }
    }

    @Test func stoppedInOrderItFinishesWhatItAccepted() async throws {
        try await run(signal: SIGTERM) { acknowledged, database, redis, _ in
            #expect(try await storedIDs(database, where: "published_offset IS NULL") == [])
            let stored = try await storedIDs(database)
            #expect(Set(stored) == acknowledged)
            #expect(try await publishedIDs(redis, database: database).sorted() == stored.sorted())
        }
    }
}
