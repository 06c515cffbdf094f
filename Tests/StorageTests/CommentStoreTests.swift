import PostgresLibpq
import Storage
import TestSupport
import Testing
import Wire

/// What a store of comments promises.
@Suite struct CommentStoreTests {
    /// With its default settings, behind PgBouncer in transaction mode, with fewer sessions of the server than of its own.
    @Test func commentsAreStoredThroughAPooler() async throws {
        try await withPgBouncer { url, _ in
            try await withCommentStore(url: url, connections: 4) { store, _ in
                let outcomes = await storeAll((0..<500).map { makeComment("c\($0)") }, in: store)
                #expect(outcomes.allSatisfy { $0.error == nil })
                let stored = try await store.comment(id: "c499")
                #expect(stored != nil)
            }
        }
    }

    @Test func whatIsStoredComesBack() async throws {
        try await withStore { store in
            let comment = makeComment("c1", text: "naïve 😀 '; DROP TABLE comments; --\n\"\\")
            try await store.store(comment)
            let stored = try await store.comment(id: "c1")
            #expect(
                stored
                    == StoredComment(
                        comment: comment, channel: try #require(comment.channel), position: nil, isRemoved: false))
            #expect(try await store.comment(id: "c2") == nil)
            #expect(try await store.comment(id: "c\u{0}") == nil)
            #expect(store.isReady)
        }
    }

    @Test func anIdIsStoredOnce() async throws {
        try await withStore { store in
            try await store.store(makeComment("c1", text: "first"))
            let error = await thrown(StorageError.self) { try await store.store(makeComment("c1", text: "second")) }
            #expect(error?.code == .duplicate)
            #expect(try await store.comment(id: "c1")?.comment.comment == "first")
        }
    }

    @Test func whatCannotBeStoredIsRefused() async throws {
        try await withStore { store in
            var badTime = makeComment("c1")
            badTime.timestamp = "2026-02-30T12:00:00.000Z"
            let bad = [
                badTime, makeComment(""), makeComment(String(repeating: "x", count: 65)),
                makeComment("c2", text: "a\u{0}b"), makeComment("c3", video: "a b"), makeComment("c4", user: ""),
            ]
            for comment in bad {
                #expect(await thrown(StorageError.self) { try await store.store(comment) }?.code == .invalid)
            }
        }
    }

    @Test func historyGoesBackPageByPage() async throws {
        try await withStore { store in
            for number in 1...7 { try await store.store(makeComment("c\(number)")) }
            try await store.store(makeComment("other", video: "video2"))
            _ = try await store.remove(id: "c5", by: "user1", moderator: false)
            var (pages, cursor): ([[String]], String?) = ([], nil)
            repeat {
                let page = try await store.history(of: try #require(Channel.video("video1")), before: cursor, limit: 2)
                pages.append(page.comments.map(\.comment.id))
                cursor = page.next
            } while cursor != nil && pages.count < 9
            #expect(pages == [["c7", "c6"], ["c4", "c3"], ["c2", "c1"]])
            // A removed comment is still a place to go on from.
            let behind = try await store.history(of: try #require(Channel.video("video1")), before: "c5", limit: 1)
            #expect(behind.comments.map(\.comment.id) == ["c4"])
        }
    }

    @Test func aPageOfHistoryReadsNoRemovedRow() async throws {
        try await withCommentStore(connections: 1) { store, pool in
            try await pool.execute(
                """
                INSERT INTO comments (id, video_id, user_id, comment, created_at, channel, removed_at)
                SELECT 'c' || n, 'video1', 'user1', 'text', now(), 'video:video1', CASE WHEN n > 100 THEN now() END
                FROM generate_series(1, 5000) AS n
                """)
            try await pool.execute("ANALYZE comments")
            func rowsRead() async throws -> Int64 {
                _ = try await pool.query("SELECT pg_stat_force_next_flush()") { _ throws(PostgresError) in true }
                return try await pool.numbers(
                    "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'comments'"
                ).first ?? 0
            }
            let before = try await rowsRead()
            #expect(
                try await store.history(of: try #require(Channel.video("video1")), before: nil, limit: 10).comments
                    .count == 10)
            #expect(try await rowsRead() - before < 100)
        }
    }

    @Test(arguments: ["nosuch", "other", "c\u{0}"])
    func aCursorOfAnotherVideoIsUnknown(cursor: String) async throws {
        try await withStore { store in
            try await store.store(makeComment("other", video: "video2"))
            let error = await thrown(StorageError.self) {
                _ = try await store.history(of: try #require(Channel.video("video1")), before: cursor, limit: 5)
            }
            #expect(error?.code == .unknownCursor)
        }
    }

    @Test func authorsAndModeratorsRemove() async throws {
        try await withStore { store in
            try await store.store(makeComment("c1", user: "anna"))
            try await store.store(makeComment("c2", user: "anna"))
            #expect(try await store.remove(id: "c1", by: "bert", moderator: false) == .forbidden)
            #expect(try await store.comment(id: "c1")?.isRemoved == false)
            let removed = StoredComment(
                comment: makeComment("c1", user: "anna"), channel: try #require(Channel.video("video1")), position: nil,
                isRemoved: true)
            #expect(try await store.remove(id: "c1", by: "anna", moderator: false) == .removed(removed))
            for isPublished in [false, true] {
                let again = try await store.remove(id: "c1", by: "anna", moderator: false)
                #expect(again == .alreadyRemoved(removed, isPublished: isPublished))
                let place = Position(offset: 18, epoch: "k3f9")
                try await store.savePublished([PublishedPosition(id: "c1", kind: .removal, position: place)])
            }
            #expect(try await store.remove(id: "c1", by: "bert", moderator: false) == .forbidden)
            guard case .removed = try await store.remove(id: "c2", by: "bert", moderator: true) else {
                Issue.record("a moderator may")
                return
            }
            #expect(try await store.remove(id: "nosuch", by: "anna", moderator: true) == .notFound)
        }
    }

    @Test func theFirstMarkStays() async throws {
        try await withStore { store in
            try await store.store(makeComment("c1"))
            let first = Position(offset: 17, epoch: "k3f9")
            try await store.savePublished([PublishedPosition(id: "c1", position: first)])
            try await store.savePublished([
                PublishedPosition(id: "c1", position: Position(offset: 99, epoch: "other")),
                PublishedPosition(id: "nosuch", position: first),
            ])
            #expect(try await store.comment(id: "c1")?.position == first)
        }
    }

    @Test func marksArriveByThemselves() async throws {
        try await withStore { store in
            for number in 0..<20 { try await store.store(makeComment("c\(number)")) }
            for number in 0..<20 {
                let position = Position(offset: UInt64(number + 1), epoch: "e")
                store.addPublished([PublishedPosition(id: "c\(number)", position: position)])
            }
            let arrived = await eventually {
                let page = try? await store.history(of: try #require(Channel.video("video1")), before: nil, limit: 50)
                return page?.comments.compactMap(\.position?.offset) == (1...20).reversed()
            }
            #expect(arrived)
        }
    }

    @Test func theOutboxHoldsWhatIsNotPublishedInOrder() async throws {
        try await withStore { store in
            for number in 1...4 { try await store.store(makeComment("c\(number)")) }
            try await store.savePublished([PublishedPosition(id: "c2", position: Position(offset: 1, epoch: "e"))])
            _ = try await store.remove(id: "c3", by: "user1", moderator: false)
            _ = try await store.remove(id: "c2", by: "user1", moderator: false)
            try await Task.sleep(for: .milliseconds(5))
            let entries = try await claim(store, "a")
            #expect(entries.map(\.comment.id) == ["c1", "c4", "c3", "c2"])
            #expect(entries.map(\.kind) == [.comment, .comment, .removal, .removal])
            #expect(entries.first?.channel == Channel.video("video1"))
            let old = try await store.claimUnpublished(owner: "a", olderThan: .seconds(9), limit: 9, lease: .seconds(9))
            #expect(old.isEmpty)
            try await store.savePublished([
                PublishedPosition(id: "c3", kind: .removal, position: Position(offset: 2, epoch: "e"))
            ])
            #expect(try await claim(store, "a").map(\.comment.id) == ["c1", "c4", "c2"])
        }
    }

    @Test func oneOwnerAtATimeHoldsTheLease() async throws {
        try await withStore { store in
            try await store.store(makeComment("c1"))
            try await Task.sleep(for: .milliseconds(5))
            #expect(try await claim(store, "a").count == 1)
            #expect(try await claim(store, "b").isEmpty)
            #expect(try await claim(store, "a").count == 1)
            try await store.releaseClaim(owner: "b")
            #expect(try await claim(store, "b").isEmpty)
            try await store.releaseClaim(owner: "a")
            let start = ContinuousClock.now
            #expect(try await claim(store, "b", lease: .milliseconds(200)).count == 1)
            #expect(await eventually { try await claim(store, "a").count == 1 })
            #expect(ContinuousClock.now - start >= .milliseconds(200))
        }
    }

    private func claim(
        _ store: any CommentStore, _ owner: String, lease: Duration = .seconds(30)
    ) async throws -> [OutboxEntry] {
        try await store.claimUnpublished(owner: owner, olderThan: .zero, limit: 100, lease: lease)
    }

    /// Whoever chose the id may remove the comment at once: what is not "not found" has removed it, whenever it was committed.
    @Test func aCommentIsRemovedAsSoonAsItIsThere() async throws {
        try await withStore { store in
            for number in 0..<200 {
                let id = "c\(number)"
                async let stored: Void = store.store(makeComment(id))
                var removal = Removal.notFound
                while removal == .notFound { removal = try await store.remove(id: id, by: "user1", moderator: false) }
                try await stored
                let isRemoved = try #require(try await store.comment(id: id)).isRemoved
                try #require(isRemoved, "\(removal)")
            }
        }
    }

    /// A comment that is held while its author removes it is removed: no moderator approves it afterwards.
    @Test func aRemovalEndsAHoldThatComesMeanwhile() async throws {
        try await withCommentStore { store, pool in
            try await store.store(makeComment("c1"))
            let removal = try await pool.whileOpen([
                "UPDATE comments SET held_at = now(), removed_at = now(), removed_by = 'held' WHERE id = 'c1'"
            ]) { try await store.remove(id: "c1", by: "user1", moderator: false) }
            #expect(removal.isAlreadyRemoved, "\(removal)")
            #expect(try await pool.texts("SELECT removed_by FROM comments WHERE held_at IS NULL") == ["user1"])
        }
    }

    private func withStore(_ body: (any CommentStore) async throws -> Void) async throws {
        try await withCommentStore { store, _ in try await body(store) }
    }
}

extension Removal {
    fileprivate var isAlreadyRemoved: Bool { if case .alreadyRemoved = self { true } else { false } }
}
