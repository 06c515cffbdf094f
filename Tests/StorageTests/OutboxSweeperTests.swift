import PostgresLibpq
import Primitives
import Storage
import TestSupport
import Testing
import Wire

@Suite struct OutboxSweeperTests {
    /// A channel log that notes what it was given, without any look-up of ids.
    final class Log: Sendable {
        private let state = Mutex<[Channel: [String]]>([:])
        private let broken: Set<String>

        init(broken: Set<String> = []) { self.broken = broken }

        var channels: [Channel: [String]] { state.withLock { $0 } }

        func publish(_ entry: OutboxEntry) throws -> Position {
            if broken.contains(entry.comment.id) { throw StorageError(.unavailable, "broken") }
            let id = entry.kind == .removal ? "-" + entry.comment.id : entry.comment.id
            let offset = state.withLock { state in
                state[entry.channel, default: []].append(id)
                return state[entry.channel]?.count ?? 0
            }
            return Position(offset: UInt64(offset), epoch: "e")
        }
    }

    @Test func publishesEachChannelInTheOrderOfStoring() async throws {
        try await withCommentStore { store, _ in
            for number in 0..<100 { try await store.store(makeComment("c\(number)", video: "video\(number % 4)")) }
            _ = try await store.remove(id: "c99", by: "user1", moderator: true)
            let log = Log()
            let report = try await sweeper(store, "a", log).sweep()
            #expect(report == OutboxSweeper.Report(published: 100, failed: 0))
            let third = (0..<24).map { "c\($0 * 4 + 3)" } + ["-c99"]
            #expect(log.channels[try #require(Channel.video("video3"))] == third)
            #expect(try await store.comment(id: "c96")?.position == Position(offset: 25, epoch: "e"))
            #expect(try await sweeper(store, "a", log).sweep() == OutboxSweeper.Report())
        }
    }

    @Test func twoSweepersPublishNothingTwice() async throws {
        try await withCommentStore { store, _ in
            for number in 0..<200 { try await store.store(makeComment("c\(number)")) }
            let log = Log()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in ["a", "b", "c"] {
                    group.addTask {
                        for _ in 0..<10 {
                            _ = try await sweeper(store, name, log, limit: 20).sweep()
                            try await store.releaseClaim(owner: name)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(log.channels.values.first == (0..<200).map { "c\($0)" })
        }
    }

    @Test func nothingOvertakesWhatCannotBePublished() async throws {
        try await withCommentStore { store, _ in
            for number in 0..<10 { try await store.store(makeComment("c\(number)", video: "video\(number % 2)")) }
            let broken = Log(broken: ["c4"])
            let report = try await sweeper(store, "a", broken).sweep()
            #expect(report == OutboxSweeper.Report(published: 7, failed: 3))
            #expect(broken.channels[try #require(Channel.video("video0"))] == ["c0", "c2"])
            let whole = Log()
            #expect(try await sweeper(store, "a", whole).sweep().published == 3)
            #expect(whole.channels[try #require(Channel.video("video0"))] == ["c4", "c6", "c8"])
        }
    }

    @Test func theGraceKeepsItsHandsOffYoungComments() async throws {
        try await withCommentStore { store, _ in
            try await store.store(makeComment("c1"))
            let log = Log()
            #expect(try await sweeper(store, "a", log, grace: .seconds(5)).sweep().published == 0)
            #expect(log.channels.isEmpty)
        }
    }

    private func sweeper(
        _ store: any CommentStore, _ owner: String, _ log: Log, limit: Int = 500, grace: Duration = .zero
    ) -> OutboxSweeper {
        var settings = OutboxSweeper.Settings()
        settings.grace = grace
        settings.limit = limit
        return OutboxSweeper(store: store, owner: owner, settings: settings, logger: quietLogger) {
            try log.publish($0)
        }
    }
}
