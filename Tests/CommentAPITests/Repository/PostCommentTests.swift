import Broker
import Foundation
import HTTPTypes
import InMemory
import TestSupport
import Testbed
import Testing
import Wire

@testable import CommentAPI

/// Comments on posts, which PostgreSQL has: stored where the post takes them, live on `post:<id>`.
@Suite(.serialized) struct PostCommentTests {
    /// What a comment is in answers and events.
    private struct Entry: Decodable, Equatable {
        var id: String
        var userid: String?
        var postid: String?
        var comment: String?
        var parent: String?
        var revision: Int?
        var removed: Bool?
    }

    private struct Body: Decodable {
        var comment: Entry?
        var comments: [Entry]?
        var next: String?
    }

    /// anna wrote `open`, `closed`, `secret` (for followers) and `7`; bert follows her, and she has blocked curt.
    private static let people = """
        INSERT INTO users (user_id, email, password)
            SELECT unnest(ARRAY['anna', 'bert', 'curt', 'dora']), 'a@b', '';
        INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count) VALUES
            ('open', 'anna', 'x', 'public', true, 0), ('closed', 'anna', 'x', 'public', false, 0),
            ('secret', 'anna', 'x', 'followers', true, 0), ('7', 'anna', 'x', 'public', true, 0);
        INSERT INTO follows VALUES ('bert', 'anna');
        INSERT INTO blocks VALUES ('anna', 'curt');
        """

    private func withPosts(
        change: @escaping (inout CommentAPISettings) -> Void = { _ in },
        _ body:
            @escaping @Sendable (TestAPI, any EventLog, _ sql: @Sendable (String) async throws -> String) async throws
            -> Void
    ) async throws {
        let server = try await sharedPostgres()
        let database = try await server.makeDatabase()
        try await withDatabaseAPI(database: database, change: change) { api, broker, _ in
            let sql: @Sendable (String) async throws -> String = { try await server.sql($0, url: database) }
            _ = try await sql(Self.people)
            try await body(api, broker, sql)
        }
    }

    private static func write(
        _ text: String, on post: String, by user: String, parent: String? = nil, to api: TestAPI
    ) async throws -> TestAPI.Answer {
        let more = parent.map { #","parent":"\#($0)""# } ?? ""
        return try await api.request(
            .post, "/api/posts/\(post)/comments", json: #"{"user_id":"\#(user)","content":"\#(text)"\#(more)}"#)
    }

    private static func written(
        _ text: String, on post: String, by user: String, parent: String? = nil, to api: TestAPI
    ) async throws -> String {
        let answer = try await write(text, on: post, by: user, parent: parent, to: api)
        try #require(answer.status == .created, "\(answer.body)")
        return try #require(try answer.decode(Body.self).comment).id
    }

    private static func list(_ post: String, _ query: String = "", _ api: TestAPI) async throws -> Body {
        let answer = try await api.request(.get, "/api/posts/\(post)/comments\(query)")
        try #require(answer.status == .ok, "\(answer.body)")
        return try answer.decode(Body.self)
    }

    @Test func aPostTakesCommentsFromThoseWhoSeeIt() async throws {
        try await withPosts { api, broker, sql in
            let first = try await Self.written("first", on: "open", by: "bert", to: api)
            let reply = try await Self.written("reply", on: "open", by: "anna", parent: first, to: api)
            let refusals: [(post: String, user: String, parent: String?, code: String)] = [
                ("nothing", "bert", nil, "post_not_found"), ("secret", "dora", nil, "post_not_found"),
                ("open", "curt", nil, "post_not_found"), ("closed", "bert", nil, "comments_closed"),
                ("open", "bert", reply, "comment_not_found"), ("7", "bert", first, "comment_not_found"),
                ("open", "bert", "nothing", "comment_not_found"),
            ]
            for refusal in refusals {
                let answer = try await Self.write(
                    "no", on: refusal.post, by: refusal.user, parent: refusal.parent, to: api)
                #expect(answer.code == refusal.code, "\(refusal)")
            }
            _ = try await Self.written("a follower", on: "secret", by: "bert", to: api)
            _ = try await sql("UPDATE users SET suspended_until = now() + interval '1 hour' WHERE user_id = 'dora'")
            #expect(try await Self.write("no", on: "open", by: "dora", to: api).code == "account_suspended")
            let page = try await Self.list("open", "", api)
            #expect(page.comments?.map(\.comment) == ["reply", "first"] && page.comments?.first?.parent == first)
            #expect(page.comments?.first?.postid == "open" && page.next == nil)
            #expect(try await texts(broker, try #require(Channel.post("open"))) == ["first", "reply"])
            // Whoever has no name sees no post for followers.
            #expect(try await api.request(.get, "/api/posts/secret/comments").code == "post_not_found")
            _ = try await sql("UPDATE posts SET deleted_at = now() WHERE post_id = 'open'")
            #expect(try await Self.write("no", on: "open", by: "bert", to: api).code == "post_not_found")
            #expect(try await api.request(.get, "/api/posts/open/comments").code == "post_not_found")
            #expect(try await api.request(.get, "/api/comments/\(first)").code == "comment_not_found")
            #expect(try await sql("SELECT count(*) FROM comments") == "3")
        }
    }

    @Test func aRepeatedRequestGetsTheFirstOnesComment() async throws {
        try await withPosts { api, _, sql in
            func send() async throws -> TestAPI.Answer {
                try await api.request(
                    .post, "/api/posts/open/comments", headers: [("Idempotency-Key", "0123456789abcdef")],
                    json: #"{"user_id":"bert","content":"once"}"#)
            }
            #expect(try await send().status == .created)
            // Also when the post has been closed since.
            _ = try await sql("UPDATE posts SET comments_open = false")
            let again = try await send()
            #expect(again.status == .created && again.body.contains(#""id":"0123456789abcdef""#), "\(again.body)")
            #expect(try await sql("SELECT count(*) FROM comments") == "1")
        }
    }

    @Test func aBatchOfGoodAndBadComments() async throws {
        try await withPosts { api, _, sql in
            let statuses = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                for number in 0..<60 {
                    group.addTask {
                        let post = ["open", "closed", "nothing"][number % 3]
                        return (number % 3, try await Self.write("c", on: post, by: "bert", to: api).status.code)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for (kind, status) in statuses { #expect(status == [201, 403, 404][kind]) }
            #expect(try await sql("SELECT count(*) FROM comments WHERE channel = 'post:open'") == "20")
        }
    }

    @Test func videoSevenAndPostSevenAreTwo() async throws {
        try await withPosts { api, broker, _ in
            _ = try await api.published("on the video", video: "7")
            _ = try await Self.written("on the post", on: "7", by: "bert", to: api)
            #expect(try await api.history("videoid=7").comments.map(\.comment) == ["on the video"])
            #expect(try await Self.list("7", "", api).comments?.map(\.comment) == ["on the post"])
            let byQuery = try await api.request(.get, "/history?postid=7")
            #expect(try byQuery.decode(Body.self).comments?.map(\.comment) == ["on the post"])
            #expect(try await texts(broker, try video("7")) == ["on the video"])
            #expect(try await texts(broker, try #require(Channel.post("7"))) == ["on the post"])
        }
    }

    @Test func removedOnesLeaveATombstone() async throws {
        try await withPosts { api, _, _ in
            let first = try await Self.written("first", on: "open", by: "bert", to: api)
            let reply = try await Self.written("reply", on: "open", by: "anna", parent: first, to: api)
            #expect(try await api.request(.delete, "/api/comments/\(first)?userid=anna").status == .forbidden)
            for _ in 0..<2 {
                let answer = try await api.request(.delete, "/api/comments/\(first)?userid=bert")
                #expect([.ok, .accepted].contains(answer.status) && answer.body.contains(#""postid":"open""#))
            }
            let page = try await Self.list("open", "", api)
            #expect(page.comments?.map(\.id) == [reply, first])
            #expect(page.comments?.last == Entry(id: first, postid: "open", removed: true))
            #expect(try await Self.write("late", on: "open", by: "anna", parent: first, to: api).status == .notFound)
            // Page by page.
            let newest = try await Self.list("open", "?limit=1", api)
            #expect(newest.next == reply)
            #expect(try await Self.list("open", "?limit=1&before=\(reply)", api).comments?.map(\.id) == [first])
            #expect(try await api.request(.get, "/api/posts/7/comments?before=\(reply)").code == "unknown_cursor")
        }
    }

    @Test func changesAreKeptAndPublished() async throws {
        try await withPosts { api, broker, sql in
            let id = try await Self.written("frist", on: "open", by: "bert", to: api)
            let uri = "/api/comments/\(id)"
            func change(_ text: String, _ revision: Int, by user: String = "bert") async throws -> TestAPI.Answer {
                try await api.request(
                    .patch, uri, json: #"{"user_id":"\#(user)","content":"\#(text)","revision":\#(revision)}"#)
            }
            let answer = try await change("first", 1)
            #expect(answer.status == .ok && answer.body.contains(#""revision":2"#), "\(answer.body)")
            #expect(try await change("first!", 1).code == "stale_revision")
            #expect(try await change("mine", 2, by: "anna").status == .forbidden)
            #expect(try await change("", 2).status == .badRequest)
            #expect(try await change("first!", 2).status == .ok)
            let read = try await api.request(.get, uri).decode(Body.self).comment
            #expect(read?.comment == "first!" && read?.revision == 3)
            #expect(
                try await sql("SELECT string_agg(comment, ' ' ORDER BY revision) FROM comment_revisions")
                    == "frist first")
            let channel = try #require(Channel.post("open"))
            let frames = try await broker.latest(of: channel, before: nil, limit: 10).reversed().map {
                String(decoding: $0.payload, as: UTF8.self)
            }
            try #require(frames.count == 3)
            #expect(frames[1].hasPrefix("event: edit\ndata: {\"edit\":\"\(id).2\","))
            #expect(frames[2].contains("\"comment\":\"first!\"") && frames[2].contains("\"revision\":3"))
            #expect(await eventually { try await sql("SELECT edit_offset FROM comments") == "3" })
            _ = try await api.request(.delete, "\(uri)?userid=bert")
            #expect(try await change("back", 3).code == "comment_not_found")
        }
    }

    /// A process that died between the commit and the publish of a change.
    @Test func theSweepPublishesAChange() async throws {
        try await withPosts(change: { $0.outbox.setShort(grace: .seconds(1)) }) { api, broker, sql in
            let id = try await Self.written("one", on: "open", by: "bert", to: api)
            #expect(await eventually { try await sql("SELECT published_offset FROM comments") == "1" })
            _ = try await sql("UPDATE comments SET comment = 'two', revision = 2, edited_at = now()")
            let channel = try #require(Channel.post("open"))
            #expect(await eventually(within: 10) { try await sql("SELECT edit_offset FROM comments") == "2" })
            let newest = try await broker.latest(of: channel, before: nil, limit: 1).map {
                String(decoding: $0.payload, as: UTF8.self)
            }
            #expect(newest.first?.hasPrefix("event: edit\ndata: {\"edit\":\"\(id).2\",") == true)
        }
    }

    @Test func withoutPostgreSQL() async throws {
        try await withAPI(broker: InMemoryBroker()) { api in
            let answers = [
                try await Self.write("c", on: "open", by: "bert", to: api),
                try await api.request(.get, "/api/posts/open/comments"), try await api.request(.get, "/api/comments/c"),
                try await api.request(.get, "/history?postid=open"),
                try await api.request(
                    .patch, "/api/comments/c", json: #"{"user_id":"bert","content":"c","revision":1}"#),
            ]
            for answer in answers { #expect(answer.status == .notImplemented && answer.code == "record_required") }
        }
    }
}
