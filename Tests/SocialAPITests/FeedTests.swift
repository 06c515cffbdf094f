import Foundation
import HTTPTypes
import Likes
import RedisNIO
import ServiceStorage
import Storage
import TestSupport
import Testing

@testable import SocialAPI

@Suite(.serialized) struct FeedTests {
    private struct Body: Decodable {
        struct Post: Decodable {
            var content: String
            var likes: Int
            var liked: Bool
            var comments: Int
        }
        var posts: [Post]
        var next: String?
    }

    private func feed(_ social: TestSocial, _ query: String = "", token: String) async throws -> Body {
        let answer = try await social.send(.get, "/api/feed\(query)", token: token)
        try #require(answer.status == 200, "\(answer.body)")
        return try JSONDecoder().decode(Body.self, from: Data(answer.body.utf8))
    }

    @Test func whatOneFollows() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            let bert = try await social.token("bert")
            let curt = try await social.token("curt")
            _ = try await social.send(.put, "/api/users/anna/follow", token: bert)
            #expect(try await feed(social, token: bert).posts.isEmpty)
            for number in 1...5 { _ = try await social.post("a\(number)", token: anna) }
            let secret = try await social.post("for followers", #","visibility":"followers""#, token: anna)
            _ = try await social.post("curt's", token: curt)
            _ = try await social.post("own", token: bert)
            #expect(try await feed(social, token: bert).posts.map(\.content).prefix(2) == ["own", "for followers"])
            // The worker of the same process has pushed them.
            let waiting = "SELECT count(*) FROM outbox WHERE topic = 'feed'"
            #expect(await eventually { try await social.sql(waiting) == "0" })
            let first = try await feed(social, "?limit=3", token: bert)
            #expect(first.posts.map(\.content) == ["own", "for followers", "a5"])
            let next = try #require(first.next)
            #expect(
                try await feed(social, "?limit=9&after=\(next)", token: bert).posts.map(\.content)
                    == ["a4", "a3", "a2", "a1"])
            #expect(try await feed(social, token: curt).posts.map(\.content) == ["curt's"])
            _ = try await social.send(.delete, "/api/posts/\(secret)", token: anna)
            _ = try await social.send(.put, "/api/users/anna/follow", token: curt)
            #expect(try await feed(social, "?limit=2", token: bert).posts.map(\.content) == ["own", "a5"])
            #expect(try await feed(social, "?limit=2", token: curt).posts.map(\.content) == ["curt's", "a5"])
            _ = try await social.send(.put, "/api/users/bert/block", token: anna)
            #expect(try await feed(social, token: bert).posts.map(\.content) == ["own"])
            for bad in ["?limit=0", "?limit=201", "?user_id=a%20b"] {
                #expect(try await social.send(.get, "/api/feed\(bad)", token: bert).code == "invalid_feed", "\(bad)")
            }
            for bad in ["all.3", "feed.0", "feed.x", "feed"] {
                #expect(try await social.send(.get, "/api/feed?after=\(bad)", token: bert).code == "invalid_cursor")
            }
            #expect(try await social.send(.get, "/api/feed").status == 401)
            #expect(try await social.send(.get, "/api/feed?user_id=anna", token: bert).status == 403)
        }
    }

    /// Redis's counts where it has any, the database's where it has none or is away.
    @Test func counts() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            let liked = try await social.post("liked", token: anna)
            let stored = try await social.post("stored", token: anna)
            _ = try await social.sql(
                """
                UPDATE photos SET like_count = 7 WHERE photo_id = '\(stored)';
                INSERT INTO likes (photo_id, user_id, slot, liked, version, liked_at)
                    VALUES ('\(stored)', 'anna', \(UserSlot.slot(of: "anna")), true, 1, now());
                INSERT INTO post_counts VALUES ('\(stored)', 3)
                """)
            let likes = LikeService(
                redis: social.redis, broker: nil, likes: PostgresLikeStore(pool: social.database.pool),
                settings: LikeSettings(), logger: quietLogger)
            try await withBackground({ await likes.run() }) {
                for user in ["anna", "bert"] {
                    _ = try await likes.apply(LikeIntent(photo: liked, user: user, liked: true))
                    // As LikeAPI, which answers with the count.
                    _ = try await likes.total(of: liked)
                }
                // Nobody carries these likes to the database.
                #expect(try await social.sql("SELECT like_count FROM photos WHERE photo_id = '\(liked)'") == "0")
                let posts = try await feed(social, token: anna).posts
                #expect(posts.map(\.content) == ["stored", "liked"])
                #expect(posts.map(\.likes) == [7, 2] && posts.map(\.liked) == [true, true])
                #expect(posts.map(\.comments) == [3, 0])
                _ = try await social.redis.send(RedisCommand("FLUSHALL"))
                #expect(try await feed(social, token: anna).posts.map(\.likes) == [7, 0])
            }
        }
    }
}
