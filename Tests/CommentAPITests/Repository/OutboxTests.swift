import Broker
import HTTPTypes
import InMemory
import ServiceRuntime
import Storage
import TestSupport
import Testbed
import Testing
import Wire

@testable import CommentAPI

/// The process dies between storing, publishing and saving the position: simulated by a broker that fails at that moment, and done
/// to a real process in ``KilledProcessTests``.
@Suite struct OutboxTests {
    private func withFaults(
        _ body: @escaping @Sendable (TestAPI, FaultyBroker) async throws -> Void
    ) async throws {
        try await withDatabaseAPI(change: { $0.outbox.setShort() }, wrap: { FaultyBroker($0) }) { api, broker, _ in
            try await body(api, try #require(broker as? FaultyBroker))
        }
    }

    @Test func whatWasNotPublishedIsPublishedInTheOrderOfStoring() async throws {
        try await withFaults { api, broker in
            let channel = try video("video1")
            _ = try await api.published("before")
            broker.setFault(.notPublished)
            for number in 1...20 { #expect(try await api.post("c\(number)").status == .accepted) }
            #expect(await eventually { try await texts(broker, channel).count == 21 })
            #expect(try await texts(broker, channel) == ["before"] + (1...20).map { "c\($0)" })
            #expect(await api.isPublished())
        }
    }

    @Test func whatWasPublishedAndNotSavedIsFound() async throws {
        try await withFaults { api, broker in
            let channel = try video("video1")
            broker.setFault(.answerLost)
            for number in 1...20 { #expect(try await api.post("c\(number)").status == .accepted) }
            broker.setFault(nil)
            let last = try await api.published("last")
            #expect(await api.isPublished())
            #expect(try await texts(broker, channel) == (1...20).map { "c\($0)" } + ["last"])
            #expect(last.offset == 21)
            let offsets = try await api.history("videoid=video1").comments.compactMap(\.offset)
            #expect(offsets == (1...21).reversed().map { UInt64($0) })
        }
    }

    @Test func aRemovalThatWasNotPublishedFollows() async throws {
        try await withDatabaseAPI(change: { $0.outbox.setShort(grace: .seconds(3)) }) { api, broker, redis in
            let comment = try await api.published("spam")
            _ = try await api.published("other")
            redis.pause()
            let answer = try await api.request(.delete, "/comment/\(comment.id)?userid=user1")
            #expect(answer.status == .accepted)
            let body = #"{"success":true,"published":false,"id":"\#(comment.id)","videoid":"video1"}"#
            #expect(answer.body == body)
            let again = try await api.request(.delete, "/comment/\(comment.id)?userid=user1")
            #expect(again.status == .accepted && again.body == body, "nobody was told meanwhile")
            #expect(try await api.history("videoid=video1").comments.map(\.comment) == ["other"])
            redis.resume()
            let channel = try video("video1")
            #expect(
                await eventually(within: 20) { try await texts(broker, channel) == ["other", "-\(comment.id)"] })
        }
    }

    /// The client chose the id, so that it can remove the comment before it was told of it.
    @Test func aRemovalDoesNotOvertakeItsComment() async throws {
        let key = "client-1-request-0001"
        let change: @Sendable (inout CommentAPISettings) -> Void = { $0.outbox.setShort(grace: .seconds(3)) }
        try await withDatabaseAPI(change: change, wrap: { FaultyBroker($0) }) { api, broker, _ in
            let broker = try #require(broker as? FaultyBroker)
            broker.setFault(.held)
            async let posted = api.post("spam", key: key)
            var removal: TestAPI.Answer?
            #expect(
                await eventually {
                    removal = try await api.request(.delete, "/comment/\(key)?userid=user1")
                    return removal?.status != .notFound
                })
            #expect(removal?.status == .accepted)
            broker.setFault(nil)
            #expect(try await posted.status == .created)
            let channel = try video("video1")
            #expect(await eventually(within: 20) { try await texts(broker, channel) == ["-\(key)"] })
            #expect(
                await eventually {
                    try await api.request(.delete, "/comment/\(key)?userid=user1").status == .ok
                })
        }
    }

    @Test func aCommentThatIsRemovedDuringTheSweepIsNotPublished() async throws {
        let broker = InMemoryBroker()
        let channel = try video("v")
        try await withDatabase(connections: 1) { pool in
            let store = PostgresCommentStore(pool: pool)
            try await store.store(makeComment("A"))
            let claimed = try await store.claimUnpublished(owner: "o", olderThan: .zero, limit: 10, lease: .seconds(1))
            _ = try await store.remove(id: "A", by: "u", moderator: false)
            let removal = try await broker.publishRemoval(of: "A", in: channel, at: nil)
            #expect(claimed.map(\.kind) == [.comment])
            #expect(try await broker.publishOnce(claimed[0]) == removal)
            #expect(try await texts(broker, channel) == ["-A"])
        }
    }

    /// Two replicas; and once with a lease that protects nothing: then the look-up alone must be enough.
    @Test(arguments: [Duration.seconds(15), .milliseconds(-1)])
    func twoReplicasPublishEachCommentOnce(lease: Duration) async throws {
        let database = try await sharedPostgres().makeDatabase()
        // 60 comments that are stored and not published.
        try await withDatabase(url: database, connections: 1) { pool in
            let store = PostgresCommentStore(pool: pool)
            for number in 1...60 {
                try await store.store(makeComment("id\(number)", video: "v\(number % 2)", "c\(number)"))
            }
        }
        try await withBroker { _, broker in
            let report = try await sweepTwice(database, broker: broker, lease: lease)
            #expect(report >= 60)
            for parity in 0...1 {
                let expected = (1...60).filter { $0 % 2 == parity }.map { "c\($0)" }
                #expect(try await texts(broker, try video("v\(parity)")) == expected)
            }
        }
    }

    /// Lets two replicas sweep at the same time; returns how many comments they took for published by themselves.
    private func sweepTwice(
        _ database: String, broker: any EventLog, lease: Duration
    ) async throws -> Int {
        var settings = OutboxSweeper.Settings()
        settings.grace = .zero
        settings.lease = lease
        settings.limit = 7
        return try await withThrowingTaskGroup(of: Int.self) { [settings] group in
            for replica in 1...2 {
                group.addTask {
                    try await withPool(url: database, connections: 1) { pool in
                        let sweeper = OutboxSweeper(
                            store: PostgresCommentStore(pool: pool), owner: "replica-\(replica)", settings: settings,
                            logger: quietLogger
                        ) { try await broker.publishOnce($0) }
                        return try await sweeper.sweep().published
                    }
                }
            }
            return try await group.reduce(0, +)
        }
    }
}
