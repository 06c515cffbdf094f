import PostgresLibpq
import Social
import Storage
import TestSupport
import Testing

@Suite struct ModerationTests {
    /// Two moderators act on one comment at once: the post counts it once, whatever the two do.
    @Test(
        arguments: [
            (.hold, .hold, 0), (.hold, .remove, 0), (.remove, .hold, 0), (.remove, .approve, 0),
            (.approve, .approve, 1), (.hold, .approve, 1),
        ] as [(ModerationAction, ModerationAction, Int64)])
    func aCommentIsCountedOnce(first: ModerationAction, second: ModerationAction, count: Int64) async throws {
        try await withDatabase { pool in
            try await pool.execute("INSERT INTO users (user_id, email, password) VALUES ('anna', 'a@b', '')")
            try await pool.execute(
                """
                INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
                VALUES ('p', 'anna', 'x', 'public', true, 0)
                """)
            try await pool.execute(
                """
                INSERT INTO comments (id, video_id, user_id, comment, created_at, channel)
                VALUES ('c', 'p', 'anna', 'x', now(), 'post:p')
                """)
            try await pool.execute("INSERT INTO post_counts (post_id, comments) VALUES ('p', 1)")
            let store = ModerationStore(pool: pool)
            if first == .approve { _ = try await store.perform(.hold, on: .comment, "c") }
            // What the first one does, and has not committed when the second one begins.
            let done: [PostgresStatement] =
                switch first {
                case .approve:
                    [
                        "UPDATE comments SET held_at = NULL, removed_at = NULL, removed_by = NULL",
                        "UPDATE post_counts SET comments = comments + 1",
                    ]
                case .hold:
                    [
                        "UPDATE comments SET held_at = now(), removed_at = now(), removed_by = 'held'",
                        "UPDATE post_counts SET comments = comments - 1",
                    ]
                default:
                    [
                        "UPDATE comments SET removed_at = now(), removed_by = 'moderator'",
                        "UPDATE post_counts SET comments = comments - 1",
                    ]
                }
            _ = try await pool.whileOpen(done) { try await store.perform(second, on: .comment, "c") }
            #expect(try await pool.numbers("SELECT comments::bigint FROM post_counts") == [count])
        }
    }
}
