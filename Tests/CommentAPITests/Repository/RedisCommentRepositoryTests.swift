import Broker
import HTTPTypes
import InMemory
import ServiceRuntime
import TestSupport
import Testing
import Wire

@testable import CommentAPI

/// Without a database: Redis alone, here the broker in memory, which agrees with it.
@Suite struct RedisCommentRepositoryTests {
    @Test func historyIsPagedNewestFirst() async throws {
        let broker = InMemoryBroker()
        try await withAPI(broker: broker) { api in
            for number in 1...7 { _ = try await api.published("c\(number)") }
            let first = try await api.history("videoid=video1&limit=3")
            #expect(first.comments.map(\.comment) == ["c7", "c6", "c5"])
            #expect(first.comments.map(\.offset) == [7, 6, 5])
            #expect(first.comments.allSatisfy { $0.epoch != nil && $0.id.utf8.count == 26 })
            // What is written meanwhile does not shift the pages.
            _ = try await api.published("c8")
            let second = try await api.history("videoid=video1&limit=3&before=\(try #require(first.next))")
            #expect(second.comments.map(\.comment) == ["c4", "c3", "c2"])
            let third = try await api.history("videoid=video1&limit=3&before=\(try #require(second.next))")
            #expect(third.comments.map(\.comment) == ["c1"])
            #expect(third.next == nil)
            let byID = try await api.history("videoid=video1&limit=2&before=\(second.comments[0].id)")
            #expect(byID.comments.map(\.comment) == ["c3", "c2"])
        }
    }

    @Test func aPageThatFitsExactlyIsTheLast() async throws {
        try await withAPI(broker: InMemoryBroker()) { api in
            for number in 1...3 { _ = try await api.published("c\(number)") }
            #expect(try await api.history("videoid=video1&limit=3").next == nil)
            let none = try await api.history("videoid=nobody")
            #expect(none.comments.isEmpty && none.next == nil && none.videoid == "nobody")
        }
    }

    @Test func removedCommentsAndRemovalsAreInNoPage() async throws {
        let broker = InMemoryBroker()
        try await withAPI(broker: broker) { api in
            var ids: [String] = []
            for number in 1...6 { ids.append(try await api.published("c\(number)").id) }
            for id in ids[1...3] {
                let answer = try await api.request(.delete, "/comment/\(id)?userid=user1&videoid=video1")
                #expect(answer.status == .ok)
            }
            let page = try await api.history("videoid=video1&limit=2")
            #expect(page.comments.map(\.comment) == ["c6", "c5"])
            let rest = try await api.history("videoid=video1&limit=2&before=\(try #require(page.next))")
            #expect(rest.comments.map(\.comment) == ["c1"])
            #expect(rest.next == nil)
        }
    }

    @Test(arguments: [
        ("", "invalid_history"), ("videoid=", "invalid_history"), ("videoid=a%20b", "invalid_history"),
        ("videoid=v&limit=0", "invalid_history"), ("videoid=v&limit=501", "invalid_history"),
        ("videoid=v&limit=ten", "invalid_history"), ("videoid=v&videoid=w", "invalid_history"),
        ("videoid=v&before=a%00b", "invalid_history"), ("videoid=v&before=nothing", "unknown_cursor"),
        ("videoid=v&before=9.otherepoch", "unknown_cursor"),
    ])
    func badQueries(query: String, code: String) async throws {
        try await withAPI(broker: InMemoryBroker()) { api in
            for _ in 0..<2 { _ = try await api.published("c", video: "v") }
            let answer = try await api.request(.get, "/history?\(query)")
            #expect(answer.status == .badRequest)
            #expect(answer.code == code)
        }
    }

    @Test func theAuthorRemovesAndViewersAreTold() async throws {
        let broker = InMemoryBroker()
        let channel = try video("video1")
        try await withAPI(broker: broker) { api in
            _ = try await api.published("first")
            let comment = try await api.published("second")
            let path = "/comment/\(comment.id)"
            let other = try await api.request(.delete, path + "?userid=user2&videoid=video1")
            #expect(other.status == .forbidden && other.code == "forbidden")
            #expect(try await texts(broker, channel) == ["first", "second"])
            let author = try await api.request(.delete, path, json: #"{"userid":"user1","videoid":"video1"}"#)
            #expect(author.status == .ok)
            #expect(author.body == #"{"success":true,"id":"\#(comment.id)","videoid":"video1"}"#)
            let events = try await broker.latest(of: channel, before: nil, limit: 10)
            #expect(events.map(\.position.offset) == [3, 1])
            #expect(
                String(decoding: events[0].payload, as: UTF8.self)
                    == "event: removal\ndata: {\"id\":\"\(comment.id)\",\"videoid\":\"video1\",\"offset\":2,"
                    + "\"epoch\":\"\(comment.epoch)\"}\n\n")
            // Again: nothing more happens.
            #expect(try await api.request(.delete, path + "?userid=user1&videoid=video1").status == .ok)
            #expect(try await broker.position(of: channel)?.offset == 3)
        }
    }

    @Test func aModeratorRemovesAnybodysComment() async throws {
        let broker = InMemoryBroker()
        try await withAPI(broker: broker) { api in
            let comment = try await api.published("spam")
            let path = "/comment/\(comment.id)?videoid=video1"
            for wrong in ["Bearer wrong-token-of-tests", "Bearer"] {
                // Not even as the author: who sends a token that is wrong is not who it says to be.
                let answer = try await api.request(.delete, path + "&userid=user1", headers: [("Authorization", wrong)])
                #expect(answer.status == .unauthorized && answer.code == "invalid_token")
            }
            // Other schemes are a proxy's business, and no token.
            for other in ["Basic \(moderatorToken)", moderatorToken] {
                let answer = try await api.request(.delete, path + "&userid=user2", headers: [("Authorization", other)])
                #expect(answer.status == .forbidden && answer.code == "forbidden")
            }
            let answer = try await api.request(.delete, path, headers: [("Authorization", "bearer \(moderatorToken)")])
            #expect(answer.status == .ok)
            #expect(try await texts(broker, try video("video1")) == ["-\(comment.id)"])
        }
    }

    @Test func nobodyModeratesWithoutAToken() async throws {
        try await withAPI(broker: InMemoryBroker(), environment: ["MODERATOR_TOKEN": ""]) { api in
            let comment = try await api.published("c")
            for token in ["", moderatorToken] {
                let answer = try await api.request(
                    .delete, "/comment/\(comment.id)?videoid=video1", headers: [("Authorization", "Bearer \(token)")])
                // Nobody is asked for a token, so that the request is one without a user.
                #expect(answer.status == .badRequest && answer.code == "invalid_comment")
            }
        }
    }

    @Test(arguments: [
        ("/comment/nothing?userid=u&videoid=v", 404, "comment_not_found"),
        ("/comment/a%22b?userid=u&videoid=v", 404, "comment_not_found"),
        ("/comment/nothing?videoid=v", 400, "invalid_comment"),
        ("/comment/nothing?userid=u", 400, "invalid_comment"),
        ("/comment/nothing?userid=a%20b&videoid=v", 400, "invalid_comment"),
    ])
    func badRemovals(uri: String, status: Int, code: String) async throws {
        try await withAPI(broker: InMemoryBroker()) { api in
            _ = try await api.published("c", video: "v")
            let answer = try await api.request(.delete, uri)
            #expect(answer.status.code == status)
            #expect(answer.code == code)
        }
    }

    @Test func redisAwayIsNotRemovedAndNotRead() async throws {
        let broker = InMemoryBroker()
        try await withAPI(broker: broker) { api in
            let comment = try await api.published("c")
            broker.setReachable(false)
            for answer in [
                try await api.request(.delete, "/comment/\(comment.id)?userid=user1&videoid=video1"),
                try await api.request(.get, "/history?videoid=video1"),
            ] {
                #expect(answer.status == .serviceUnavailable && answer.code == "broker_unavailable")
                #expect(answer.headers[.retryAfter] == "1")
            }
            broker.setReachable(true)
            #expect(try await texts(broker, try video("video1")) == ["c"])
        }
    }

    @Test func aRepeatedRequestPublishesOnce() async throws {
        let broker = InMemoryBroker()
        let key = "client-1-request-0001"
        try await withAPI(broker: broker) { api in
            let first = try await api.post("hello", key: key)
            let second = try await api.post("hello", key: key)
            #expect(first.status == .created && second.status == .created)
            #expect(first.body == second.body)
            #expect(try first.decode(CommentResponse.self).comment.id == key)
            let other = try await api.post("something else", key: key)
            #expect(other.status == .conflict && other.code == "id_taken")
            let stranger = try await api.post("hello", user: "user2", key: key)
            #expect(stranger.status == .conflict)
            let bad = try await api.post("hello", key: "short")
            #expect(bad.status == .badRequest && bad.code == "invalid_comment")
            #expect(try await texts(broker, try video("video1")) == ["hello"])
        }
    }

    @Test func aRemovedCommentDoesNotComeBackByItsKey() async throws {
        let broker = InMemoryBroker()
        let key = "client-1-request-0001"
        try await withAPI(broker: broker) { api in
            _ = try await api.post("hello", key: key)
            _ = try await api.request(.delete, "/comment/\(key)?userid=user1&videoid=video1")
            let again = try await api.post("hello", key: key)
            #expect(again.status == .conflict && again.code == "id_taken")
            #expect(try await texts(broker, try video("video1")) == ["-\(key)"])
        }
    }

    @Test func aKeyMayNotBeTheIdOfSomebodysComment() async throws {
        let broker = InMemoryBroker()
        try await withAPI(broker: broker) { api in
            let comment = try await api.published("hello")
            let other = try await api.post("hello", user: "user2", key: comment.id)
            #expect(other.status == .conflict && other.code == "id_taken")
        }
    }

    /// On Redis itself: the check and the publish are one step there.
    @Test func ofManyRequestsAtOnceWithOneKeyOneTextIsPublished() async throws {
        try await withBroker { _, broker in
            try await withAPI(broker: broker) { api in
                for round in 0..<20 {
                    let key = "client-1-request-\(1000 + round)"
                    let answers = try await withThrowingTaskGroup(of: TestAPI.Answer.self) { group in
                        for number in 0..<8 { group.addTask { try await api.post("text \(number % 2)", key: key) } }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    let created = answers.filter { $0.status == .created }
                    #expect(Set(created.map(\.body)).count == 1)
                    #expect(created.count == 4 && answers.count { $0.code == "id_taken" } == 4)
                }
                #expect(try await texts(broker, try video("video1")).count == 20)
            }
        }
    }
}
