import Foundation
import HTTPTypes
import TestSupport
import Testing

@testable import SocialAPI

extension TestSocial {
    /// Registers somebody.
    func token(_ name: String) async throws -> String {
        try #require(try await register(name).member("access_token"))
    }

    /// Writes a post; returns its id.
    func post(_ content: String, _ members: String = "", token: String) async throws -> String {
        let answer = try await send(.post, "/api/posts", #"{"content":"\#(content)"\#(members)}"#, token: token)
        try #require(answer.status == 201, "\(answer.body)")
        return try #require(answer.member("id"))
    }

    /// What the posts of a page say, and the next page's cursor.
    func page(_ uri: String, token: String? = nil) async throws -> (contents: [String], next: String?) {
        struct Body: Decodable {
            struct Post: Decodable { var content: String }
            var posts: [Post]
            var next: String?
        }
        let answer = try await send(.get, uri, token: token)
        try #require(answer.status == 200, "\(answer.body)")
        let body = try JSONDecoder().decode(Body.self, from: Data(answer.body.utf8))
        return (body.posts.map(\.content), body.next)
    }
}

@Suite(.serialized) struct PostTests {
    @Test func aPostsLife() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            let bert = try await social.token("bert")
            let id = try await social.post("Excited!", #","user_id":"anna""#, token: anna)
            for token in [nil, bert, anna] {
                let read = try await social.send(.get, "/api/posts/\(id)", token: token)
                #expect(read.status == 200 && read.member("content") == "Excited!")
                #expect(read.body.contains(#""revision":1"#))
                #expect(read.member("user_id") == "anna" && read.member("edited_at") == nil)
            }
            // Whoever likes it, the owner is told.
            #expect(try await social.sql("SELECT owner_id FROM photos WHERE photo_id = '\(id)'") == "anna")
            // Changes count, and none is overwritten unseen.
            let uri = "/api/posts/\(id)"
            let changed = try await social.send(.patch, uri, #"{"content":"Better","revision":1}"#, token: anna)
            #expect(changed.status == 200 && changed.body.contains(#""revision":2"#))
            #expect(changed.member("edited_at") != nil && changed.member("content") == "Better")
            let stale = try await social.send(.patch, uri, #"{"content":"Old","revision":1}"#, token: anna)
            #expect(stale.status == 409 && stale.code == "stale_revision")
            #expect(try await social.send(.patch, uri, #"{"content":"x"}"#, token: anna).code == "invalid_post")
            #expect(try await social.send(.patch, uri, #"{"content":"","revision":2}"#, token: anna).status == 400)
            #expect(try await social.send(.patch, uri, #"{"content":"x","revision":2}"#, token: bert).status == 403)
            let closed = try await social.send(.patch, uri, #"{"comments_open":false,"revision":2}"#, token: anna)
            #expect(closed.body.contains(#""comments_open":false"#) && closed.member("content") == "Better")
            // It goes once, for everybody.
            #expect(try await social.send(.delete, uri, token: bert).status == 403)
            for _ in 0..<2 { #expect(try await social.send(.delete, uri, token: anna).status == 200) }
            for token in [nil, bert, anna] {
                #expect(try await social.send(.get, uri, token: token).code == "post_not_found")
            }
            #expect(try await social.send(.patch, uri, #"{"content":"x","revision":3}"#, token: anna).status == 404)
            #expect(try await social.sql("SELECT content FROM posts WHERE post_id = '\(id)'").isEmpty)
            #expect(try await social.send(.delete, "/api/posts/nothing", token: anna).status == 404)
        }
    }

    @Test func moderatorsRemoveWhatOthersWrote() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            try await social.register("mod")
            _ = try await social.sql("UPDATE users SET role = 'moderator' WHERE user_id = 'mod'")
            let moderator = try #require(try await social.login("mod").member("access_token"))
            let id = try await social.post("hidden", #","visibility":"followers""#, token: anna)
            #expect(try await social.send(.get, "/api/posts/\(id)", token: moderator).status == 404)
            #expect(try await social.send(.delete, "/api/posts/\(id)", token: moderator).status == 200)
            #expect(try await social.send(.get, "/api/posts/\(id)", token: anna).status == 404)
        }
    }

    @Test func whatAPostMayBe() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            func status(_ json: String) async throws -> Int {
                try await social.send(.post, "/api/posts", json, token: anna).status
            }
            let full = String(repeating: "é", count: 5_000)
            #expect(try await status(#"{"content":"\#(full)"}"#) == 201)
            #expect(try await status(#"{"content":"\#(full)x"}"#) == 400)
            // All of them as escaped surrogates are as many characters.
            #expect(try await status(#"{"content":"\#(String(repeating: #"\ud83d\ude00"#, count: 5_000))"}"#) == 201)
            for bad in [
                "{}", #"{"content":""}"#, #"{"content":1}"#, #"{"content":"a\u0000"}"#, #"{"content":"a\u202eb"}"#,
                #"{"content":"a\#(String(repeating: #"\u0301"#, count: 2_000))"}"#,
                #"{"content":"a","visibility":"friends"}"#, #"{"content":"a","media_ids":"x"}"#,
                #"{"content":"a","media_ids":["1","2","3","4","5"]}"#, #"{"content":"a","media_ids":["1","1"]}"#,
                #"{"content":"a","media_ids":[1]}"#, #"{"content":"a","comments_open":"perhaps"}"#,
            ] { #expect(try await status(bad) == 400, "\(bad.prefix(60))") }
            #expect(try await status(#"{"content":"a","media_ids":["nothing"]}"#) == 404)
            #expect(try await status(#"{"content":"a","user_id":"bert"}"#) == 403)
            #expect(try await social.send(.post, "/api/posts", #"{"content":"a"}"#).status == 401)
            #expect(try await social.sql("SELECT count(*) FROM posts") == "2")
        }
    }

    @Test func lists() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            let bert = try await social.token("bert")
            for number in 1...5 {
                _ = try await social.post("a\(number)", token: anna)
                _ = try await social.post("b\(number)", token: bert)
            }
            _ = try await social.post("secret", #","visibility":"followers""#, token: anna)
            // Page by page, each post once.
            var seen: [String] = []
            var uri: String? = "/api/posts?limit=3"
            var pages = 0
            while let next = uri {
                let page = try await social.page(next, token: bert)
                seen += page.contents
                pages += 1
                uri = page.next.map { "/api/posts?limit=3&after=\($0)" }
            }
            #expect(seen == ["b5", "a5", "b4", "a4", "b3", "a3", "b2", "a2", "b1", "a1"] && pages == 4)
            #expect(try await social.page("/api/users/anna/posts?limit=2").contents == ["a5", "a4"])
            let first = try await social.page("/api/users/anna/posts?limit=2", token: anna)
            #expect(first.contents == ["secret", "a5"])
            let cursor = try #require(first.next)
            #expect(
                try await social.page("/api/users/anna/posts?after=\(cursor)", token: anna).contents
                    == ["a4", "a3", "a2", "a1"])
            for bad in [
                "/api/users/bert/posts?after=\(cursor)", "/api/posts?after=\(cursor)", "/api/posts?after=1",
                "/api/posts?after=all.0", "/api/posts?after=all.x", "/api/posts?has=photo&after=all.3",
            ] { #expect(try await social.send(.get, bad).code == "invalid_cursor", "\(bad)") }
            for bad in ["/api/posts?limit=0", "/api/posts?limit=201", "/api/posts?has=video"] {
                #expect(try await social.send(.get, bad).code == "invalid_post")
            }
            #expect(try await social.page("/api/posts?has=photo").contents.isEmpty)
            #expect(try await social.send(.get, "/api/users/nobody/posts").code == "user_not_found")
        }
    }

    @Test func twoChangesAtOnce() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            let id = try await social.post("x", token: anna)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        try await social.send(
                            .patch, "/api/posts/\(id)", #"{"content":"\#(number)","revision":1}"#, token: anna
                        ).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [200] + Array(repeating: 409, count: 7))
        }
    }
}
