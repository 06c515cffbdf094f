import Foundation
import HTTPTypes
import TestSupport
import Testing

@testable import SocialAPI

@Suite(.serialized) struct RelationTests {
    @Test func followersReadMore() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            let bert = try await social.token("bert")
            let id = try await social.post("for followers", #","visibility":"followers""#, token: anna)
            let uri = "/api/posts/\(id)"
            for token in [nil, bert] { #expect(try await social.send(.get, uri, token: token).status == 404) }
            for _ in 0..<2 {
                let answer = try await social.send(.put, "/api/users/anna/follow", token: bert)
                #expect(answer.status == 200 && answer.body.contains(#""following":true"#))
            }
            #expect(try await social.send(.get, uri, token: bert).status == 200)
            #expect(try await social.page("/api/users/anna/posts", token: bert).contents == ["for followers"])
            // Seen, and not one's own.
            #expect(try await social.send(.delete, uri, token: bert).status == 403)
            let profile = try await social.send(.get, "/api/users/anna", token: bert)
            #expect(profile.body.contains(#""following":true,"follows_you":false,"blocked":false"#), "\(profile.body)")
            for _ in 0..<2 {
                #expect(try await social.send(.delete, "/api/users/anna/follow", token: bert).status == 200)
            }
            #expect(try await social.send(.get, uri, token: bert).status == 404)
            for (user, status) in [("bert", 400), ("nobody", 404), ("No-Name", 404)] {
                #expect(try await social.send(.put, "/api/users/\(user)/follow", token: bert).status == status)
            }
        }
    }

    @Test func whatABlockHidesIsNotFound() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            let bert = try await social.token("bert")
            let byAnna = try await social.post("by anna", token: anna)
            let byBert = try await social.post("by bert", token: bert)
            for (one, other) in [("anna", bert), ("bert", anna)] {
                #expect(try await social.send(.put, "/api/users/\(one)/follow", token: other).status == 200)
            }
            for _ in 0..<2 { #expect(try await social.send(.put, "/api/users/bert/block", token: anna).status == 200) }
            // Neither reads the other, alone or in a list.
            for (post, token) in [(byAnna, bert), (byBert, anna)] {
                #expect(try await social.send(.get, "/api/posts/\(post)", token: token).code == "post_not_found")
                #expect(try await social.send(.delete, "/api/posts/\(post)", token: token).code == "post_not_found")
            }
            #expect(try await social.page("/api/posts", token: bert).contents == ["by bert"])
            #expect(try await social.page("/api/posts").contents == ["by bert", "by anna"])
            for (uri, method) in [
                ("/api/users/anna/posts", HTTPRequest.Method.get), ("/api/users/anna", .get),
                ("/api/users/anna/follow", .put),
            ] { #expect(try await social.send(method, uri, token: bert).code == "user_not_found", "\(uri)") }
            // Who blocked sees whom, to end it.
            let profile = try await social.send(.get, "/api/users/bert", token: anna)
            #expect(profile.body.contains(#""following":false,"follows_you":false,"blocked":true"#), "\(profile.body)")
            #expect(try await social.sql("SELECT count(*) FROM follows") == "0")
            #expect(try await social.send(.put, "/api/users/bert/follow", token: anna).status == 404)
            for _ in 0..<2 {
                #expect(try await social.send(.delete, "/api/users/bert/block", token: anna).status == 200)
            }
            #expect(try await social.send(.get, "/api/posts/\(byAnna)", token: bert).status == 200)
            #expect(try await social.sql("SELECT count(*) FROM follows") == "0")
        }
    }

    @Test func fiveThousand() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            let hash = try await social.sql("SELECT password FROM users")
            _ = try await social.sql(
                """
                INSERT INTO users (user_id, email, password) SELECT 'user_' || n, 'a@b', '\(hash)'
                    FROM generate_series(1, 5004) AS n;
                INSERT INTO follows SELECT 'anna', 'user_' || n FROM generate_series(1, 4997) AS n;
                INSERT INTO blocks SELECT 'anna', 'user_' || n FROM generate_series(5, 5004) AS n;
                """)
            // Many at once do not get past the limit.
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in [1, 2, 3, 4] {
                    group.addTask {
                        try await social.send(.put, "/api/users/user_\(number)/follow", token: anna).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == [200, 200, 200, 200])
            _ = try await social.sql("DELETE FROM blocks; DELETE FROM follows WHERE followee_id = 'user_1'")
            let more = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 4_998...5_004 {
                    group.addTask {
                        try await social.send(.put, "/api/users/user_\(number)/follow", token: anna).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(more.sorted() == [200, 200, 200, 200, 409, 409, 409])
            #expect(try await social.sql("SELECT count(*) FROM follows") == "5000")
            _ = try await social.sql(
                "INSERT INTO blocks SELECT 'anna', 'user_' || n FROM generate_series(5, 5004) AS n")
            #expect(try await social.send(.put, "/api/users/user_1/block", token: anna).code == "too_many_relations")
            #expect(try await social.send(.put, "/api/users/user_5/block", token: anna).status == 200)
        }
    }

    @Test func aFollowAndABlockAtOnce() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            let bert = try await social.token("bert")
            for _ in 0..<20 {
                async let follow = social.send(.put, "/api/users/anna/follow", token: bert)
                async let block = social.send(.put, "/api/users/bert/block", token: anna)
                let statuses = try await (follow.status, block.status)
                #expect([200, 404].contains(statuses.0) && statuses.1 == 200)
                #expect(try await social.sql("SELECT count(*) FROM follows") == "0")
                _ = try await social.sql("DELETE FROM blocks")
            }
        }
    }
}
