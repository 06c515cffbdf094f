import Broker
import HTTPTypes
import ServiceRuntime
import TestSupport
import Testbed
import Testing
import Wire

@testable import CommentAPI

/// PostgreSQL or Redis goes away in between: nothing half done, nothing lost, nothing twice.
@Suite struct OutageTests {
    private func expectAway(_ answer: TestAPI.Answer, _ code: String, sourceLocation: SourceLocation = #_sourceLocation)
    {
        #expect(answer.status == .serviceUnavailable, "\(answer.body)", sourceLocation: sourceLocation)
        #expect(answer.code == code, sourceLocation: sourceLocation)
        #expect(answer.headers[.retryAfter] == "1", sourceLocation: sourceLocation)
    }

    private func withKillablePostgres(
        environment: [String: String] = [:],
        _ body: @escaping @Sendable (TestAPI, any EventLog, Node) async throws -> Void
    ) async throws {
        try await withPostgres { postgres, _ in
            try await withDatabaseAPI(database: postgres.url, environment: environment) { api, broker, _ in
                try await body(api, broker, postgres)
            }
        }
    }

    @Test func postgresKilledAndBack() async throws {
        try await withKillablePostgres { api, broker, postgres in
            let before = try await api.published("before")
            await postgres.kill()
            for _ in 0..<5 { expectAway(try await api.post("lost"), "storage_unavailable") }
            expectAway(try await api.request(.get, "/history?videoid=video1"), "storage_unavailable")
            expectAway(try await api.request(.delete, "/comment/\(before.id)?userid=user1"), "storage_unavailable")
            #expect(await eventually { !api.process.readiness.isReady })
            #expect(try await texts(broker, try video("video1")) == ["before"])
            try await postgres.start()
            #expect(await eventually { api.process.readiness.isReady })
            #expect(await eventually { try await api.post("after").status == .created })
            #expect(try await texts(broker, try video("video1")).first == "before")
            #expect(try await texts(broker, try video("video1")).contains("lost") == false)
            let page = try await api.history("videoid=video1")
            #expect(page.comments.last?.comment == "before" && !page.comments.contains { $0.comment == "lost" })
        }
    }

    @Test func postgresTooSlow() async throws {
        let environment = ["DATABASE_STATEMENT_TIMEOUT_MS": "300"]
        try await withKillablePostgres(environment: environment) { api, broker, postgres in
            _ = try await api.published("before")
            // Whoever holds this lock makes every insert wait.
            let holder = Task {
                try await postgres.sql("BEGIN; LOCK comments IN EXCLUSIVE MODE; SELECT pg_sleep(2); COMMIT")
            }
            let held =
                "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'comments'::regclass"
            #expect(await eventually { try await postgres.sql(held) == "1" })
            expectAway(try await api.post("slow"), "storage_unavailable")
            _ = try await holder.value
            _ = try await api.published("after")
            #expect(try await texts(broker, try video("video1")) == ["before", "after"])
            #expect(try await postgres.sql("SELECT count(*) FROM comments") == "2")
        }
    }

    @Test func redisAwayStoresNothing() async throws {
        let database = try await sharedPostgres().makeDatabase()
        try await withDatabaseAPI(database: database) { api, broker, redis in
            _ = try await api.published("before")
            await redis.kill()
            #expect(await eventually { !broker.isReady })
            expectAway(try await api.post("lost"), "broker_unavailable")
            let count = try await sharedPostgres().sql("SELECT count(*) FROM comments", url: database)
            #expect(count == "1")
            // What is stored can still be read.
            #expect(try await api.history("videoid=video1").comments.map(\.comment) == ["before"])
            try await redis.start()
            #expect(await eventually { broker.isReady })
            _ = try await api.published("after")
        }
    }

    @Test func whatAFrozenRedisDidNotTakeIsPublishedLaterAndOnce() async throws {
        try await withDatabaseAPI(change: { $0.outbox.setShort(grace: .seconds(3)) }) { api, broker, redis in
            _ = try await api.published("before")
            redis.pause()
            let answers = try await withThrowingTaskGroup(of: TestAPI.Answer.self) { group in
                for number in 0..<10 { group.addTask { try await api.post("frozen", user: "u\(number)") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            // Not known to be published, so not 201; not lost, so no error.
            #expect(answers.allSatisfy { $0.status == .accepted }, "\(answers.map(\.body))")
            #expect(answers.allSatisfy { $0.body.hasPrefix(#"{"success":true,"published":false,"comment":{"#) })
            redis.resume()
            let channel = try video("video1")
            #expect(await eventually { try await texts(broker, channel).count >= 11 })
            #expect(await api.isPublished())
            #expect(try await texts(broker, channel) == ["before"] + Array(repeating: "frozen", count: 10))
        }
    }

    @Test func redisRestartedEmptyLosesNoComment() async throws {
        try await withDatabaseAPI { api, broker, redis in
            for number in 1...3 { _ = try await api.published("c\(number)") }
            await redis.kill()
            try await redis.start()
            #expect(await eventually { try await api.post("c4").status == .created })
            #expect(await eventually { try await api.history("videoid=video1&limit=1").comments[0].offset != nil })
            let page = try await api.history("videoid=video1")
            #expect(page.comments.map(\.comment) == ["c4", "c3", "c2", "c1"])
            #expect(page.comments[0].offset == 1 && page.comments[0].epoch != page.comments[1].epoch)
        }
    }
}

extension OutboxSettings {
    mutating func setShort(grace: Duration = .milliseconds(300)) {
        self.grace = grace
        interval = .milliseconds(50)
    }
}
