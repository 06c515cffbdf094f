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

    private func withPosts(_ body: (ModerationStore, PostgresPool) async throws -> Void) async throws {
        try await withDatabase { pool in
            try await pool.execute(
                """
                INSERT INTO users (user_id, email, password) SELECT unnest(ARRAY['anna', 'bert', 'post1']), 'a@b', ''
                """)
            try await pool.execute(
                """
                INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
                VALUES ('post1', 'anna', 'x', 'public', true, 0), ('f', 'anna', 'x', 'followers', true, 0)
                """)
            try await body(ModerationStore(pool: pool), pool)
        }
    }

    /// Ids are those of their kind.
    @Test func anActionClosesTheReportsOfItsSubject() async throws {
        try await withPosts { store, pool in
            for kind in [ModeratedKind.post, .user] {
                #expect(try await store.report(kind, "post1", by: "bert", reason: "spam"))
            }
            try await store.record(.approve, on: .post, "post1", by: "mod", reason: "")
            #expect(try await store.reports(before: nil, limit: 10).items.map(\.kind) == [.user])
        }
    }

    @Test func whoMayNotSeeAPostDoesNotReportIt() async throws {
        try await withPosts { store, pool in
            #expect(try await !store.report(.post, "f", by: "bert", reason: "spam"))
            try await pool.execute("INSERT INTO follows VALUES ('bert', 'anna')")
            #expect(try await store.report(.post, "f", by: "bert", reason: "spam"))
        }
    }

    /// What its author has removed is not held, and so nobody's approval brings it back.
    @Test func aRemovedCommentIsNotHeld() async throws {
        try await withPosts { store, pool in
            try await pool.execute(
                """
                INSERT INTO comments (id, video_id, user_id, comment, created_at, channel, removed_at, removed_by)
                VALUES ('c', 'post1', 'bert', 'x', now(), 'post:post1', now(), 'bert')
                """)
            #expect(try await !store.perform(.hold, on: .comment, "c"))
            #expect(try await store.perform(.approve, on: .comment, "c"))
            #expect(try await pool.texts("SELECT removed_by FROM comments WHERE removed_at IS NOT NULL") == ["bert"])
        }
    }
}

@Suite struct ErasureTests {
    /// What counts, what was said before, reports and the log: nothing of it is left, and nothing of others goes.
    @Test func whatAUserLeavesIsTakenAway() async throws {
        try await withDatabase { pool in
            let statements: [PostgresStatement] = [
                "INSERT INTO users (user_id, email, password) SELECT unnest(ARRAY['anna', 'bert']), 'a@b', ''",
                """
                INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
                VALUES ('p', 'bert', 'x', 'public', true, 0)
                """,
                """
                INSERT INTO comments (id, video_id, user_id, comment, created_at, channel, removed_at, removed_by)
                VALUES ('c1', 'p', 'anna', 'shown', now(), 'post:p', NULL, NULL),
                    ('c2', 'p', 'anna', 'removed', now(), 'post:p', now(), 'anna'),
                    ('c3', 'p', 'bert', 'stays', now(), 'post:p', NULL, NULL)
                """,
                "INSERT INTO post_counts (post_id, comments) VALUES ('p', 2)",
                """
                INSERT INTO comment_revisions (comment_id, revision, comment)
                VALUES ('c1', 1, 'said before'), ('c3', 1, 'stays')
                """,
                """
                INSERT INTO moderation_log (moderator, action, kind, subject_id, reason)
                VALUES ('anna', 'hold', 'post', 'p', ''), ('bert', 'limit', 'user', 'anna', '')
                """,
                """
                INSERT INTO reports (reporter, kind, subject_id, reason)
                VALUES ('anna', 'post', 'p', 'x'), ('bert', 'user', 'anna', 'x'), ('bert', 'post', 'p', 'stays')
                """,
            ]
            for statement in statements { try await pool.execute(statement) }
            let store = ErasureStore(pool: pool)
            #expect(try await store.begin("anna") != nil)
            while try await store.step("anna") > 0 {}
            #expect(try await pool.numbers("SELECT comments::bigint FROM post_counts") == [1])
            #expect(try await pool.texts("SELECT comment FROM comment_revisions") == ["stays"])
            #expect(try await pool.texts("SELECT comment FROM comments WHERE comment <> ''") == ["stays"])
            let log = try await pool.texts(
                "SELECT moderator || ' ' || subject_id FROM moderation_log ORDER BY entry_id")
            #expect(log == ["moderator p", "bert erased-user"])
            #expect(try await pool.texts("SELECT reason FROM reports") == ["stays"])
            // The account goes when its tombstones are told, and no token of it is valid any more.
            #expect(try await !store.finish("anna", after: .zero))
            try await pool.execute(
                "UPDATE comments SET removal_offset = 1, removal_epoch = 'e' WHERE removed_at IS NOT NULL")
            while try await store.step("anna") > 0 {}
            #expect(try await !store.finish("anna", after: .seconds(3_600)))
            #expect(try await store.finish("anna", after: .zero))
            #expect(try await pool.texts("SELECT user_id FROM users") == ["bert"])
        }
    }
}
