import Broker
import HTTPTypes
import TestSupport
import Testbed
import Testing
import Wire

@testable import CommentAPI

/// With PostgreSQL and Redis: stored first, published next, acknowledged then.
@Suite struct PostgresCommentRepositoryTests {
    @Test func whatIsAcknowledgedIsStoredAndPublishedAndItsPositionSaved() async throws {
        let database = try await sharedPostgres().makeDatabase()
        try await withDatabaseAPI(database: database) { api, broker, redis in
            let comments = try await [
                api.published("one"), api.published("two"), api.published("three", video: "other"),
            ]
            #expect(comments.map(\.offset) == [1, 2, 1])
            #expect(try await texts(broker, try video("video1")) == ["one", "two"])
            let rows =
                "SELECT comment || ' ' || published_offset || ' ' || published_epoch FROM comments ORDER BY sequence"
            let server = try await sharedPostgres()
            let expected = comments.map { "\($0.comment) \($0.offset) \($0.epoch)" }.joined(separator: "\n")
            #expect(await eventually { try await server.sql(rows, url: database) == expected })
        }
    }

    @Test func aChannelsCommentsArePublishedInTheOrderOfStoring() async throws {
        let database = try await sharedPostgres().makeDatabase()
        try await withDatabaseAPI(database: database) { api, _, redis in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<600 {
                    group.addTask { _ = try await api.published("c\(number)", video: "v\(number % 3)") }
                }
                try await group.waitForAll()
            }
            let server = try await sharedPostgres()
            let marked = "SELECT count(*) FROM comments WHERE published_offset IS NOT NULL"
            #expect(await eventually { try await server.sql(marked, url: database) == "600" })
            let overtaken = """
                SELECT count(*) FROM comments a JOIN comments b ON a.video_id = b.video_id
                AND a.sequence < b.sequence AND a.published_offset > b.published_offset
                """
            #expect(try await server.sql(overtaken, url: database) == "0")
        }
    }

    @Test func historyComesFromPostgresPastWhatRedisKeeps() async throws {
        try await withDatabaseAPI(environment: ["HISTORY_LENGTH": "1"]) { api, broker, redis in
            for number in 1...5 { _ = try await api.published("c\(number)") }
            try redis.command("FLUSHALL")
            let first = try await api.history("videoid=video1&limit=3")
            #expect(first.comments.map(\.comment) == ["c5", "c4", "c3"])
            let second = try await api.history("videoid=video1&limit=3&before=\(try #require(first.next))")
            #expect(second.comments.map(\.comment) == ["c2", "c1"])
            #expect(second.next == nil)
            #expect(await api.isPublished())
            let unknown = try await api.request(.get, "/history?videoid=video1&before=nothing")
            #expect(unknown.status == .badRequest && unknown.code == "unknown_cursor")
            let foreign = try await api.request(.get, "/history?videoid=other&before=\(second.comments[0].id)")
            #expect(foreign.code == "unknown_cursor")
        }
    }

    @Test func aRemovedCommentIsNowhereAndItsViewersAreTold() async throws {
        try await withDatabaseAPI { api, broker, redis in
            _ = try await api.published("first")
            let comment = try await api.published("second")
            let path = "/comment/\(comment.id)"
            let other = try await api.request(.delete, path + "?userid=user2")
            #expect(other.status == .forbidden && other.code == "forbidden")
            let author = try await api.request(.delete, path, json: #"{"userid":"user1"}"#)
            #expect(author.status == .ok)
            #expect(author.body == #"{"success":true,"id":"\#(comment.id)","videoid":"video1"}"#)
            #expect(try await texts(broker, try video("video1")) == ["first", "-\(comment.id)"])
            #expect(try await api.history("videoid=video1").comments.map(\.comment) == ["first"])
            let page = try await broker.history(of: try video("video1"), after: 1, through: nil, limit: 10)
            #expect(page.entries.map(\.offset) == [3] && page.missing.isEmpty)
            let again = try await api.request(.delete, path + "?userid=user1")
            #expect(again.status == .ok)
            #expect(try await broker.position(of: try video("video1"))?.offset == 3)
            let missing = try await api.request(.delete, "/comment/nothing?userid=user1")
            #expect(missing.status == .notFound && missing.code == "comment_not_found")
        }
    }

    @Test func aModeratorRemovesWithoutAUser() async throws {
        try await withDatabaseAPI { api, broker, redis in
            let comment = try await api.published("spam")
            let header = [("Authorization", "Bearer \(moderatorToken)")]
            let answer = try await api.request(.delete, "/comment/\(comment.id)", headers: header)
            #expect(answer.status == .ok)
            #expect(try await texts(broker, try video("video1")) == ["-\(comment.id)"])
        }
    }

    @Test func aRepeatedRequestIsStoredAndPublishedOnce() async throws {
        let key = "client-1-request-0001"
        try await withDatabaseAPI { api, broker, redis in
            let first = try await api.post("hello", key: key)
            let second = try await api.post("hello", key: key)
            #expect(first.status == .created && second.status == .created)
            #expect(first.body == second.body)
            let other = try await api.post("something else", key: key)
            #expect(other.status == .conflict && other.code == "id_taken")
            #expect(try await texts(broker, try video("video1")) == ["hello"])
            // One bad row among many: its neighbours are stored.
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let own = number == 7 ? key : nil
                        return try await api.post("c", user: "u\(number)", video: "w", key: own).status.code
                    }
                }
                let statuses = try await group.reduce(into: []) { $0.append($1) }
                #expect(statuses.sorted() == Array(repeating: 201, count: 19) + [409])
            }
        }
    }
}
