import HTTPTypes
import HummingbirdTesting
import InMemory
import ServiceRuntime
import TestSupport
import Testbed
import Testing

@testable import LikeAPI
@testable import Storage

@Suite struct LikeRoutesTests {
    static let badInputs: [(HTTPRequest.Method, String, String?, HTTPResponse.Status, String)] = [
        (.post, "/v1/likes", #"{"user_id":"u"}"#, .badRequest, "invalid_like"),
        (.post, "/v1/likes", #"{"user_id":"","post_id":"p"}"#, .badRequest, "invalid_like"),
        (.post, "/v1/likes", #"{"user_id":"a b","post_id":"p"}"#, .badRequest, "invalid_like"),
        (.post, "/v1/likes", #"{"user_id":7,"post_id":"p"}"#, .badRequest, "invalid_like"),
        (.post, "/v1/likes", #"{"user_id":"#, .badRequest, "malformed_json"),
        (.post, "/like", #"{"userid":"u"}"#, .badRequest, "invalid_like"),
        (.delete, "/v1/likes?user_id=u", nil, .badRequest, "invalid_like"),
        (.get, "/v1/likes/a%20b", nil, .badRequest, "invalid_like"),
        (.get, "/v1/likes/p?user_id=a%20b", nil, .badRequest, "invalid_like"),
        (.post, "/v1/likes/counts", #"{"post_ids":[]}"#, .badRequest, "invalid_like"),
        (.post, "/v1/likes/counts", #"{"post_ids":"p"}"#, .badRequest, "invalid_like"),
        (.post, "/v1/likes/counts", #"{"post_ids":["a b"]}"#, .badRequest, "invalid_like"),
        (.post, "/v1/likes/counts", #"{"post_ids":["a"],"user_id":"?"}"#, .badRequest, "invalid_like"),
        (.get, "/v1/likes/p/users?after=x", nil, .badRequest, "invalid_cursor"),
        (.get, "/v1/likes/p/users?limit=0", nil, .badRequest, "invalid_like"),
        (.get, "/v1/likes/p/users?limit=201", nil, .badRequest, "invalid_like"),
        (.get, "/v1/likes/p/users", nil, .notImplemented, "record_required"),
        (.post, "/v1/photos", #"{"post_id":"p"}"#, .badRequest, "invalid_photo"),
        (.get, "/v1/notifications", nil, .badRequest, "invalid_notification"),
        (.get, "/v1/notifications?user_id=u&after=7", nil, .badRequest, "invalid_cursor"),
        (.post, "/v1/notifications/read", #"{"user_id":"a b"}"#, .badRequest, "invalid_notification"),
        (.get, "/v1/nothing", nil, .notFound, "not_found"),
        (.put, "/v1/likes", nil, .methodNotAllowed, "method_not_allowed"),
    ]

    @Test func likesAndUnlikesAreIdempotent() async throws {
        try await withService { client, _ in
            let body = #"{"user_id":"u1","post_id":"p1"}"#
            for _ in 0..<2 {
                let answer = try await client.send(.post, "/v1/likes", body)
                #expect(answer.status == .ok)
                #expect(answer.text.hasPrefix(#"{"post_id":"p1","liked":true,"count":1,"version":"#))
            }
            #expect(
                try await client.send(.post, "/like", #"{"userid":"u2","photoid":"p1"}"#).text
                    .hasPrefix(#"{"success":true,"photoid":"p1","liked":true,"count":2,"#))
            let state = try await client.send(.get, "/v1/likes/p1?user_id=u1")
            #expect(state.text.hasSuffix(#""liked":true}"#))
            #expect(state.number("count") == 2)
            for _ in 0..<2 {
                let answer = try await client.send(.delete, "/v1/likes", body)
                #expect(answer.text.hasPrefix(#"{"post_id":"p1","liked":false,"count":1,"#))
            }
            #expect(try await client.send(.delete, "/v1/likes?user_id=u2&post_id=p1").number("count") == 0)
            #expect(try await client.send(.post, "/unlike", #"{"userid":"u2","photoid":"p1"}"#).number("count") == 0)
            #expect(try await client.send(.get, "/v1/likes/p1?user_id=u1").text.hasSuffix(#""liked":false}"#))
            #expect(try await client.send(.get, "/v1/likes/p1").text.contains("liked") == false)
        }
    }

    @Test func aFeedPageIsOneQuestion() async throws {
        try await withService { client, _ in
            for user in 1...3 {
                _ = try await client.send(.post, "/v1/likes", #"{"user_id":"u\#(user)","post_id":"p1"}"#)
            }
            let answer = try await client.send(.post, "/v1/likes/counts", #"{"post_ids":["p0","p1"],"user_id":"u2"}"#)
            #expect(answer.text.contains(#"{"post_id":"p0","count":0,"#))
            #expect(answer.text.contains(#"{"post_id":"p1","count":3,"#))
            #expect(answer.text.hasSuffix(#""liked":true}]}"#))
            let ids = (0..<200).map { "\"p\($0)\"" }.joined(separator: ",")
            #expect(try await client.send(.post, "/v1/likes/counts", "{\"post_ids\":[\(ids)]}").status == .ok)
            let more = try await client.send(.post, "/v1/likes/counts", "{\"post_ids\":[\(ids),\"one\"]}")
            #expect(more.code == "too_many_posts")
        }
    }

    @Test(arguments: badInputs)
    func badInputIsACodedError(
        _ method: HTTPRequest.Method, _ uri: String, _ body: String?, _ status: HTTPResponse.Status, _ code: String
    ) async throws {
        try await withService { client, _ in
            let answer = try await client.send(method, uri, body)
            #expect(answer.code == code && answer.status == status)
        }
    }

    /// An id may be encoded, and may be a word of the routes.
    @Test(arguments: [
        ("a:b", "a%3Ab"), ("a:b", "a:b"), ("counts", "counts"), ("users", "users"), ("counts", "%63ounts"),
    ])
    func anyPostCanBeRead(post: String, path: String) async throws {
        let database = LikeDatabase(likes: MemoryLikeStore(), notifications: FewNotifications([]))
        try await withService(database: database) { client, _ in
            _ = try await client.send(.post, "/v1/likes", #"{"user_id":"u1","post_id":"\#(post)"}"#)
            let state = try await client.send(.get, "/v1/likes/\(path)?user_id=u1")
            #expect(
                state.text.hasPrefix(#"{"post_id":"\#(post)","count":1,"#) && state.text.hasSuffix(#""liked":true}"#))
            #expect(try await client.send(.get, "/v1/likes/\(path)/users?limit=0").code == "invalid_like")
        }
    }

    @Test func withoutRedisItIsAnUnavailableServiceThatSaysWhenToComeBack() async throws {
        try await withService { client, redis in
            await redis.kill()
            let answer = try await client.send(.post, "/v1/likes", #"{"user_id":"u1","post_id":"p1"}"#)
            #expect(answer.status == .serviceUnavailable)
            #expect(["likes_unavailable", "likes_timeout"].contains(answer.code))
            #expect(answer.retryAfter != nil)
        }
    }

    @Test func theDatabaseListsWhoLikesAndOwnsAndWasTold() async throws {
        let likes = MemoryLikeStore()
        let told = UserNotification(
            id: 3, owner: "me", photo: "p", windowStart: 0, likers: 2, newestUser: "u2", newestAt: 5_000, isUnread: true
        )
        let database = LikeDatabase(likes: likes, notifications: FewNotifications([told]))
        try await withService(database: database, environment: ["LIKE_WRITE_INTERVAL_MS": "10"]) { client, _ in
            #expect(try await client.send(.get, "/v1/likes/p/users").code == "unknown_photo")
            let registered = try await client.send(.post, "/v1/photos", #"{"post_id":"p","owner_id":"me"}"#)
            #expect(registered.status == .created)
            #expect(
                try await client.send(.post, "/v1/photos", #"{"post_id":"p","owner_id":"you"}"#).text
                    .contains(#""owner_id":"me""#))
            for user in 1...3 {
                _ = try await client.send(.post, "/v1/likes", #"{"user_id":"u\#(user)","post_id":"p"}"#)
            }
            #expect(await eventually { try await likes.counts(of: ["p"])["p"] == 3 })
            let page = try await client.send(.get, "/v1/likes/p/users?limit=2")
            #expect(page.text.contains(#""next":"#))
            let next = page.text.split(separator: #""next":""#)[1].prefix { $0 != "\"" }
            let last = try await client.send(.get, "/v1/likes/p/users?limit=2&after=\(next)")
            #expect(last.text.contains("next") == false)
            #expect(try await client.send(.get, "/v1/likes/other/users").code == "unknown_photo")
            let notifications = try await client.send(.get, "/v1/notifications?user_id=me")
            #expect(notifications.text.contains("u2 and 1 other liked your photo"))
            #expect(notifications.text.contains(#"],"unread":1,"#))
            let marked = try await client.send(.post, "/v1/notifications/read", #"{"user_id":"me","ids":[3]}"#)
            #expect(marked.number("marked") == 1)
        }
    }

    /// The same under the platform's name.
    @Test func notificationsAsABareList() async throws {
        let all = [
            UserNotification(
                id: 4, kind: .reply, owner: "me", photo: "c1", post: "p", windowStart: 0, likers: 1, newestUser: "anna",
                newestAt: 1_767_268_800_000_000, isUnread: true),
            UserNotification(
                id: 3, owner: "me", photo: "p", windowStart: 0, likers: 2, newestUser: "u2", newestAt: 5_000,
                isUnread: false),
            UserNotification(
                id: 2, kind: .follow, owner: "me", photo: "bert", windowStart: 0, likers: 1, newestUser: "bert",
                newestAt: 4_000, isUnread: true),
        ]
        let database = LikeDatabase(likes: MemoryLikeStore(), notifications: FewNotifications(all))
        try await withService(database: database) { client, _ in
            let list = try await client.send(.get, "/api/notifications?user_id=me&limit=2")
            #expect(
                list.text == #"[{"id":"4","message":"anna replied to your comment","#
                    + #""timestamp":"2026-01-01T12:00:00.000Z","type":"reply","unread":true,"user_id":"anna","#
                    + #""post_id":"p","comment_id":"c1"},{"id":"3","message":"u2 and 1 other liked your photo","#
                    + #""timestamp":"1970-01-01T00:00:00.005Z","type":"likes","unread":false,"user_id":"u2","#
                    + #""post_id":"p"}]"#)
            #expect(list.link == #"</api/notifications?after=5000.3>; rel="next""#)
            let follow = try await client.send(.get, "/v1/notifications?user_id=me")
            let told = #"{"id":2,"type":"follow","text":"bert follows you","newest_user_id":"bert","#
            #expect(follow.text.contains(told))
            let uri = "/api/notifications/read"
            #expect(try await client.send(.post, uri, #"{"user_id":"me","ids":["3","4"]}"#).number("marked") == 2)
            #expect(try await client.send(.post, uri, #"{"user_id":"me"}"#).number("marked") == 3)
            #expect(try await client.send(.post, uri, #"{"user_id":"me","ids":[]}"#).number("marked") == 0)
            for bad in [#"{"user_id":"me","ids":["x"]}"#, #"{"user_id":"me","ids":"3"}"#, #"{"ids":["3"]}"#, "[]"] {
                #expect(try await client.send(.post, uri, bad).status == .badRequest, "\(bad)")
            }
            #expect(try await client.send(.get, "/api/notifications").code == "invalid_notification")
        }
        try await withService { client, _ in
            let answer = try await client.send(.get, "/api/notifications?user_id=me")
            #expect(answer.code == "record_required")
        }
    }

    @Test func settingsThatContradictEachOtherAreRefused() {
        for environment in [
            ["LIKE_DURABILITY": "postgres"], ["LIKE_ROLE": "worker"], ["LIKE_PHOTOS": "registered"],
            ["LIKE_PARTS": "0"], ["DATABASE_URL": "nonsense"],
        ] {
            #expect(throws: (any Error).self) { try LikeAPISettings.read(environment: environment) }
        }
        #expect(throws: Never.self) { try LikeAPISettings.read(environment: [:]) }
    }
}
