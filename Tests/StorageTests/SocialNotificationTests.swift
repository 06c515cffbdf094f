import Foundation
import PostgresLibpq
import TestSupport
import Testing
import Wire

@testable import Storage

/// What comments, posts and follows tell whom, and what a post's comments count.
@Suite struct SocialNotificationTests {
    /// anna wrote `p` (for everybody) and `f` (for followers); bert and curt follow her, dora does not; anna and eve are
    /// apart.
    private static let people: PostgresStatement = """
        WITH people AS (
            INSERT INTO users (user_id, email, password)
            SELECT unnest(ARRAY['anna', 'bert', 'curt', 'dora', 'eve']), 'a@b', '' RETURNING user_id
        ), written AS (
            INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
            SELECT post, 'anna', 'for @bert, @curt, @dora and @anna', seen, true, 0
            FROM (VALUES ('p', 'public'), ('f', 'followers')) AS post (post, seen)
            WHERE EXISTS (SELECT 1 FROM people)
        )
        SELECT 1
        """

    private struct System {
        let store: PostgresCommentStore
        let notifications: PostgresNotificationStore
        let pool: PostgresPool

        func comment(_ id: String, on post: String = "p", by user: String, _ text: String, parent: String? = nil)
            async throws
        {
            try await store.store(
                Comment(
                    id: id, userid: user, kind: .post, videoid: post, comment: text,
                    timestamp: "2026-01-01T12:00:00.000Z", parent: parent))
        }

        /// Handles what is in the outbox, twice: as `<owner> <kind> <cause>`.
        func told() async throws -> [String] {
            let rows = try await pool.query(
                "SELECT id, payload::text FROM outbox WHERE topic = 'notify' ORDER BY id"
            ) { row throws(PostgresError) in OutboxRow(id: try row.bigint(0), payload: try row.text(1), attempt: 1) }
            let events = try rows.flatMap { try NotifyEvent.list($0.payload) }
            let changed = try await notifications.add(events, completing: rows)
            #expect(try await notifications.add(events).isEmpty)
            if !rows.isEmpty {
                await #expect(throws: StorageError.self) { try await notifications.add(events, completing: rows) }
            }
            return changed.map { "\($0.owner) \($0.kind) \($0.photo)" }.sorted()
        }
    }

    private func withSystem(_ body: (System) async throws -> Void) async throws {
        try await withCommentStore { store, pool in
            try await pool.execute(Self.people)
            try await pool.execute("INSERT INTO follows SELECT unnest(ARRAY['bert', 'curt']), 'anna'")
            try await pool.execute("INSERT INTO blocks VALUES ('eve', 'anna')")
            try await body(
                System(store: store, notifications: PostgresNotificationStore(pool: pool), pool: pool))
        }
    }

    @Test func aCommentTellsTheClosest() async throws {
        try await withSystem { system in
            try await system.comment("c1", by: "bert", "hello")
            #expect(try await system.told() == ["anna comment c1"])
            // bert is answered and mentioned, curt mentioned twice, anna mentioned and the author; nobody tells oneself.
            try await system.comment("c2", by: "dora", "@bert @curt @curt @anna @dora @nobody a@eve.org", parent: "c1")
            #expect(try await system.told() == ["anna mention c2", "bert reply c2", "curt mention c2"])
            // The author's own, and what a block hides.
            try await system.comment("c3", by: "anna", "@eve")
            #expect(try await system.told().isEmpty)
            // Who may not see the post is not told of it.
            try await system.comment("c4", on: "f", by: "curt", "@dora @bert")
            #expect(try await system.told() == ["anna comment c4", "bert mention c4"])
            // Removed before it was told.
            try await system.comment("c5", by: "bert", "oops")
            _ = try await system.store.remove(id: "c5", by: "bert", moderator: false)
            #expect(try await system.told().isEmpty)
            let page = try await system.notifications.notifications(of: "anna", before: nil, limit: 10)
            #expect(Set(page.items.map(\.photo)) == ["c1", "c2", "c4"])
            #expect(page.items.allSatisfy { $0.isUnread && $0.likers == 1 && ["p", "f"].contains($0.post ?? "") })
            #expect(try await system.notifications.markRead(owner: "anna", ids: nil) == 3)
            // Nobody is told of somebody whom a block keeps away, on whoever's post.
            try await system.pool.execute("INSERT INTO blocks VALUES ('curt', 'dora')")
            try await system.comment("c6", by: "dora", "@curt")
            #expect(try await system.told() == ["anna comment c6"])
        }
    }

    /// A comment on a video, and a batch with both.
    @Test func videosTellNobody() async throws {
        try await withSystem { system in
            try await system.store.store(
                Comment(
                    id: "v", userid: "bert", videoid: "p", comment: "@anna", timestamp: "2026-01-01T12:00:00.000Z"))
            #expect(try await system.told().isEmpty)
            #expect(try await system.pool.numbers("SELECT count(*) FROM post_counts") == [0])
        }
    }

    @Test func postsMentionThoseWhoSeeThem() async throws {
        try await withSystem { system in
            for post in ["p", "f"] {
                try await system.pool.execute(
                    """
                    INSERT INTO outbox (topic, payload) VALUES ('notify', jsonb_build_array(jsonb_build_object(
                        'type', 'post', 'post', $1::text, 'user', 'anna', 'at', 1767268800000000)))
                    """, [.text(post)])
            }
            #expect(
                try await system.told() == [
                    "bert mention f", "bert mention p", "curt mention f", "curt mention p", "dora mention p",
                ])
        }
    }

    @Test func aFollowerIsToldOnce() async throws {
        try await withSystem { system in
            func follow(at time: Int64) -> NotifyEvent {
                NotifyEvent(.follow, user: "bert", at: time, owner: "anna")
            }
            let first = try await system.notifications.add([follow(at: 7_000_000), follow(at: 9_000_000)])
            #expect(first.map(\.kind) == [.follow] && first.first?.newestUser == "bert")
            #expect(try await system.notifications.add([follow(at: 99_000_000)]).isEmpty)
            // No longer true.
            try await system.pool.execute("DELETE FROM follows WHERE follower_id = 'curt'")
            let gone = NotifyEvent(.follow, user: "curt", at: 1, owner: "anna")
            #expect(try await system.notifications.add([gone]).isEmpty)
            let bad = [
                NotifyEvent(.follow, user: "a\u{0}", at: 1, owner: "anna"),
                NotifyEvent(.comment, user: "bert", at: .max, post: "p", comment: "c"),
            ]
            #expect(try await system.notifications.add(bad).isEmpty)
        }
    }

    /// In batches, and taken back; the numbers are those of the rows.
    @Test func aPostsCommentsAreCounted() async throws {
        try await withSystem { system in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        try await system.comment("c\(number)", on: number % 3 == 0 ? "f" : "p", by: "bert", "c")
                    }
                }
                try await group.waitForAll()
            }
            for _ in 0..<2 {
                for number in 0..<7 {
                    _ = try await system.store.remove(id: "c\(number)", by: "bert", moderator: false)
                }
            }
            let wrong = try await system.pool.texts(
                """
                SELECT post_id FROM post_counts AS held WHERE comments <> (
                    SELECT count(*) FROM comments WHERE channel = 'post:' || held.post_id AND removed_at IS NULL)
                """)
            #expect(wrong.isEmpty)
            #expect(try await system.pool.numbers("SELECT sum(comments)::bigint FROM post_counts") == [53])
        }
    }
}

extension NotifyEvent {
    /// A row's payload.
    fileprivate static func list(_ payload: String) throws -> [NotifyEvent] {
        try JSONDecoder().decode([NotifyEvent].self, from: Data(payload.utf8))
    }
}
