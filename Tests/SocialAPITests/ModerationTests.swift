import Foundation
import HTTPTypes
import ServiceStorage
import Social
import Storage
import TestSupport
import Testbed
import Testing
import Wire

@testable import SocialAPI

@Suite(.serialized) struct ModerationTests {
    private func withModerator(
        _ body: @escaping @Sendable (TestSocial, _ moderator: String) async throws -> Void
    ) async throws {
        try await withSocial { social in
            try await social.register("mod")
            _ = try await social.sql("UPDATE users SET role = 'moderator' WHERE user_id = 'mod'")
            try await body(social, try #require(try await social.login("mod").member("access_token")))
        }
    }

    private func act(
        _ social: TestSocial, _ action: String, _ type: String, _ id: String, _ more: String = "", token: String
    ) async throws -> TestSocial.Answer {
        try await social.send(
            .post, "/api/moderation/actions", #"{"action":"\#(action)","type":"\#(type)","id":"\#(id)"\#(more)}"#,
            token: token)
    }

    @Test func reportsAreGatheredAndClosed() async throws {
        try await withModerator { social, moderator in
            let anna = try await social.token("anna")
            let bert = try await social.token("bert")
            let id = try await social.post("buy this", token: anna)
            for (token, reason) in [(bert, "spam"), (bert, "still spam"), (moderator, "<b>me too</b>")] {
                let answer = try await social.send(
                    .post, "/api/reports", #"{"type":"post","id":"\#(id)","reason":"\#(reason)"}"#, token: token)
                #expect(answer.status == 201, "\(answer.body)")
            }
            _ = try await social.send(
                .post, "/api/reports", #"{"type":"user","id":"anna","reason":"who is this"}"#, token: bert)
            let first = try await social.send(.get, "/api/moderation/reports?limit=1", token: moderator)
            #expect(first.body.contains(#""type":"user","id":"anna","user_id":"anna""#), "\(first.body)")
            let next = try #require(first.member("next"))
            let second = try await social.send(.get, "/api/moderation/reports?after=\(next)", token: moderator)
            #expect(second.body.contains(#""content":"buy this","state":"open","count":2"#), "\(second.body)")
            #expect(second.body.contains("still spam") && !second.body.contains(#""spam""#))
            #expect(
                try await social.send(.get, "/api/moderation/actions?after=\(next)", token: moderator).code
                    == "invalid_cursor")
            #expect(try await act(social, "approve", "post", id, token: moderator).body == #"{"done":true}"#)
            let left = try await social.send(.get, "/api/moderation/reports", token: moderator)
            #expect(!left.body.contains("buy this") && left.body.contains("who is this"))
            let log = try await social.send(.get, "/api/moderation/actions", token: moderator)
            #expect(log.body.contains(#""moderator":"mod","action":"approve","type":"post","subject_id":"\#(id)""#))
            for bad in [
                #"{"type":"post","id":"nothing","reason":"r"}"#, #"{"type":"user","id":"nobody_9","reason":"r"}"#,
            ] {
                #expect(try await social.send(.post, "/api/reports", bad, token: bert).code == "subject_not_found")
            }
            for bad in [
                "{}", #"{"type":"video","id":"a","reason":"r"}"#, #"{"type":"post","id":"a b","reason":"r"}"#,
                #"{"type":"post","id":"\#(id)","reason":""}"#, #"{"type":"post","id":"\#(id)","reason":"a\u202eb"}"#,
            ] {
                #expect(try await social.send(.post, "/api/reports", bad, token: bert).status == 400, "\(bad)")
            }
        }
    }

    @Test func whatIsHeldIsItsAuthorsAlone() async throws {
        try await withModerator { social, moderator in
            let anna = try await social.token("anna")
            let id = try await social.post("hello", token: anna)
            let uri = "/api/posts/\(id)"
            #expect(try await act(social, "hold", "post", id, token: moderator).status == 200)
            #expect(try await social.send(.get, uri).status == 404)
            #expect(try await social.page("/api/posts").contents.isEmpty)
            #expect(try await social.send(.get, "/api/search?q=hello").body.contains(#""hits":[]"#))
            let own = try await social.send(.get, uri, token: anna)
            #expect(own.member("visibility") == "held" && own.member("content") == "hello")
            // Its author does not let it out.
            let changed = try await social.send(
                .patch, uri, #"{"visibility":"followers","revision":1}"#, token: anna)
            #expect(changed.member("visibility") == "held", "\(changed.body)")
            #expect(
                try await social.send(.patch, uri, #"{"visibility":"held","revision":2}"#, token: anna).status == 400)
            #expect(try await act(social, "approve", "post", id, token: moderator).status == 200)
            #expect(try await social.send(.get, uri, token: anna).member("visibility") == "followers")
            #expect(try await act(social, "remove", "post", id, token: moderator).status == 200)
            #expect(try await social.send(.get, uri, token: anna).status == 404)
            #expect(try await act(social, "hold", "post", id, token: moderator).code == "subject_not_found")
        }
    }

    @Test func usersAreLimitedSuspendedAndRestored() async throws {
        try await withModerator { social, moderator in
            let anna = try await social.token("anna")
            _ = try await social.post("hello", token: anna)
            #expect(try await act(social, "limit", "user", "anna", token: moderator).status == 200)
            // She sees her own posts, and nobody else does.
            #expect(try await social.page("/api/posts", token: anna).contents == ["hello"])
            #expect(try await social.page("/api/posts").contents.isEmpty)
            #expect(try await social.page("/api/users/anna/posts").contents.isEmpty)
            #expect(try await act(social, "restore", "user", "anna", token: moderator).status == 200)
            #expect(try await social.page("/api/posts").contents == ["hello"])
            #expect(try await act(social, "suspend", "user", "anna", token: moderator).status == 400)
            let suspended = try await act(social, "suspend", "user", "anna", #","seconds":60"#, token: moderator)
            #expect(suspended.status == 200)
            #expect(try await social.page("/api/posts").contents.isEmpty)
            #expect(try await social.login("anna").status == 403)
            #expect(try await act(social, "restore", "user", "anna", token: moderator).status == 200)
            #expect(try await social.login("anna").status == 200)
            for (action, type) in [("hold", "user"), ("limit", "post"), ("praise", "post"), ("remove", "user")] {
                #expect(try await act(social, action, type, "anna", token: moderator).status == 400)
            }
            #expect(try await act(social, "limit", "user", "nobody_9", token: moderator).status == 404)
            #expect(try await act(social, "limit", "user", "anna", token: anna).status == 403)
        }
    }

    @Test func filteredWords() async throws {
        try await withModerator { social, moderator in
            let anna = try await social.token("anna")
            let uri = "/api/moderation/words"
            let set = try await social.send(
                .put, uri, #"{"words":[{"word":"Casino","effect":"hold"},{"word":"bomb","effect":"refuse"}]}"#,
                token: moderator)
            #expect(set.body == #"{"words":[{"word":"bomb","effect":"refuse"},{"word":"casino","effect":"hold"}]}"#)
            #expect(try await social.send(.get, uri, token: moderator).body == set.body)
            for bad in [
                #"{"words":[{"word":"two words","effect":"hold"}]}"#, #"{"words":[{"word":"...","effect":"hold"}]}"#,
                #"{"words":[{"word":"","effect":"hold"}]}"#, #"{"words":[{"word":"a","effect":"shame"}]}"#,
                #"{"words":[{"word":"a\u0000","effect":"hold"}]}"#, #"{}"#,
            ] {
                #expect(try await social.send(.put, uri, bad, token: moderator).status == 400, "\(bad)")
            }
            #expect(try await social.send(.get, uri, token: moderator).body == set.body)
            // Whole words, whatever their case.
            let refused = try await social.send(.post, "/api/posts", #"{"content":"a BOMB!"}"#, token: anna)
            #expect(refused.status == 400 && refused.code == "filtered_word")
            let both = try await social.send(.post, "/api/posts", #"{"content":"a casino, a bomb"}"#, token: anna)
            #expect(both.code == "filtered_word")
            let held = try await social.send(.post, "/api/posts", #"{"content":"the casino"}"#, token: anna)
            #expect(held.status == 201 && held.member("visibility") == "held")
            _ = try await social.post("bombastic casinos", token: anna)
            #expect(try await social.page("/api/posts").contents == ["bombastic casinos"])
            let id = try #require(held.member("id"))
            let patch = #"{"content":"bomb","revision":1}"#
            #expect(try await social.send(.patch, "/api/posts/\(id)", patch, token: anna).code == "filtered_word")
            #expect(try await act(social, "approve", "post", id, token: moderator).status == 200)
            #expect(try await social.page("/api/posts").contents == ["bombastic casinos", "the casino"])
            // Comments, in whatever service they are stored.
            let store = PostgresCommentStore(pool: social.database.pool)
            let running = Task { await store.run() }
            defer { running.cancel() }
            func comment(_ id: String, _ text: String) -> Wire.Comment {
                Wire.Comment(
                    id: id, userid: "anna", videoid: "v", comment: text, timestamp: "2026-01-01T12:00:00.000Z")
            }
            try await store.store(comment("c1", "fine"))
            let hold = await thrown(StorageError.self) { try await store.store(comment("c2", "a casino")) }
            #expect(hold == .held)
            let refusal = await thrown(StorageError.self) { try await store.store(comment("c3", "a bomb")) }
            #expect(refusal?.isFilteredWord == true)
            // Nobody looks at a comment that was shown already: a change to such a word is not taken.
            let edit = await thrown(StorageError.self) {
                _ = try await store.edit(id: "c1", by: "anna", text: "a casino", revision: 1)
            }
            #expect(edit?.isFilteredWord == true)
            func unpublished() async throws -> [String] {
                try await store.claimUnpublished(owner: "o", olderThan: .zero, limit: 10, lease: .seconds(1))
                    .map { "\($0.comment.id) \($0.kind)" }
            }
            // What is held is published by no sweep, until it is approved; nor is its removal.
            #expect(try await unpublished() == ["c1 comment"])
            #expect(try await act(social, "approve", "comment", "c2", token: moderator).status == 200)
            #expect(try await unpublished() == ["c1 comment", "c2 comment"])
            #expect(try await act(social, "hold", "comment", "c1", token: moderator).status == 200)
            #expect(try await unpublished() == ["c2 comment", "c1 removal"])
            #expect(try await act(social, "remove", "comment", "c2", token: moderator).status == 200)
            #expect(try await Set(unpublished()) == ["c1 removal", "c2 removal"])
            // A post counts what is shown.
            let post = try await social.post("with comments", token: anna)
            try await store.store(
                Wire.Comment(
                    id: "c5", userid: "anna", kind: .post, videoid: post, comment: "fine",
                    timestamp: "2026-01-01T12:00:00.000Z"))
            for (action, count) in [("hold", "0"), ("approve", "1"), ("remove", "0")] {
                #expect(try await act(social, action, "comment", "c5", token: moderator).status == 200)
                #expect(
                    try await social.sql("SELECT comments FROM post_counts WHERE post_id = '\(post)'") == count,
                    "\(action)")
            }
            // And those of a limited author are held.
            #expect(try await act(social, "limit", "user", "anna", token: moderator).status == 200)
            let limited = await thrown(StorageError.self) { try await store.store(comment("c4", "fine")) }
            #expect(limited == .held)
            // What its author has taken back meanwhile is not published by an approval.
            _ = try await store.remove(id: "c4", by: "anna", moderator: false)
            #expect(try await act(social, "approve", "comment", "c4", token: moderator).status == 200)
            #expect(try await !unpublished().contains("c4 comment"))
        }
    }
}
