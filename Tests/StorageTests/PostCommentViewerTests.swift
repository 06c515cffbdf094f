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
}
