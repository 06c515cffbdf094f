import Dispatch
import PostgresLibpq
import Storage
import TestSupport
import Testing
import Wire

/// Which comments on posts a viewer sees.
@Suite struct PostCommentViewerTests {
    @Test func whatAViewerSees() async throws {
        try await withCommentStore { store, pool in
            try await pool.execute(
                """
                INSERT INTO users (user_id, email, password)
                SELECT unnest(ARRAY['anna', 'bert', 'curt', 'dora']), 'a@b', ''
                """)
            try await pool.execute(
                """
                INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
                VALUES ('p', 'anna', 'x', 'followers', true, 0)
                """)
            try await pool.execute(
                "INSERT INTO follows SELECT unnest(ARRAY['bert', 'curt']), 'anna'")
            for user in ["anna", "bert", "curt"] {
                try await store.store(
                    Comment(
                        id: user, userid: user, kind: .post, videoid: "p", comment: "c",
                        timestamp: "2026-01-01T12:00:00.000Z"))
            }
            func seen(by viewer: String?) async throws -> [String]? {
                try await store.comments(onPost: "p", for: viewer, before: nil, limit: 10)?.comments.map(\.comment.id)
            }
            #expect(try await seen(by: nil) == nil)
            #expect(try await seen(by: "dora") == nil)
            #expect(try await seen(by: "bert") == ["curt", "bert", "anna"])
            // What a block between two hides is not in the other's page.
            try await pool.execute("INSERT INTO blocks VALUES ('curt', 'bert')")
            #expect(try await seen(by: "bert") == ["bert", "anna"])
            #expect(try await seen(by: "curt") == ["curt", "anna"])
            #expect(try await store.comment(id: "curt", for: "bert") == nil)
            #expect(try await store.comment(id: "curt", for: "anna") != nil)
        }
    }

    /// What stood in the way of a comment and was gone when the reason was asked for: it is stored, and no duplicate.
    @Test func aCommentIsStoredWhenItsRefusalIsOver() async throws {
        let url = try await sharedPostgres().makeDatabase()
        try await withCommentStore(url: url, connections: 1) { store, pool in
            try await pool.execute("INSERT INTO users (user_id, email, password) VALUES ('anna', 'a@b', '')")
            try await pool.execute(
                """
                INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
                VALUES ('p', 'anna', 'x', 'public', false, 0)
                """)
            try await withPool(url: url, connections: 1) { other in
                // Both in one statement, which waits for the first one when it has looked at the post.
                let bothWait = DispatchSemaphore(value: 0)
                let (holding, hold) = AsyncStream<Void>.makeStream()
                async let held: Void = pool.withConnection { _ in
                    hold.finish()
                    bothWait.wait()
                }
                for await _ in holding {}
                let (outcomes, told) = AsyncStream<String>.makeStream()
                for (kind, id) in [(Channel.Kind.video, "c1"), (.post, "c2")] {
                    let comment = Comment(
                        id: id, userid: "anna", kind: kind, videoid: "p", comment: "c",
                        timestamp: "2026-01-01T12:00:00.000Z")
                    store.submit(comment) { result in
                        switch result {
                        case .success: told.yield("\(id) stored")
                        case .failure(let error): told.yield("\(id) \(error.code)")
                        }
                    }
                }
                let all = try await other.whileOpen(
                    [
                        """
                        INSERT INTO comments (id, video_id, user_id, comment, created_at, channel)
                        VALUES ('c1', 'v', 'anna', 'c', now(), 'video:v')
                        """
                    ], last: ["UPDATE posts SET comments_open = true"]
                ) {
                    bothWait.signal()
                    return await outcomes.prefix(2).reduce(into: Set<String>()) { $0.insert($1) }
                }
                #expect(all == ["c1 duplicate", "c2 stored"])
                try await held
            }
        }
    }
}
