import PostgresLibpq
import TestSupport
import Testing

@testable import Storage

@Suite struct NotificationStoreTests {
    private let hour: Int64 = 3_600_000_000

    @Test func likesOfAWindowAreOneNotification() async throws {
        try await withStore { store in
            let changed = try await store.add((0..<42).map { event("u\($0)", at: 1000 + Int64($0)) })
            #expect(changed.count == 1)
            #expect(changed.first?.likers == 42)
            #expect(changed.first?.newestUser == "u41")
            _ = try await store.add([event("early", at: 5)])
            let later = try await store.add([event("u1", at: hour + 5)])
            #expect(later.first?.likers == 1)
            let page = try await store.notifications(of: "otto", before: nil, limit: 10)
            #expect(page.items.map(\.likers) == [1, 43])
            #expect(page.items.last?.newestUser == "u41")
            #expect(page.items.last?.newestAt == 1041)
        }
    }

    @Test func repeatedEventsCountOnce() async throws {
        try await withStore { store in
            let events = (0..<50).map { event("u\($0 % 30)", at: 1000 + Int64($0)) }
            _ = try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { _ = try await store.add(events.shuffled()) } }
                try await group.waitForAll()
            }
            #expect(try await store.add(events).isEmpty)
            #expect(try await store.notifications(of: "otto", before: nil, limit: 1).items.first?.likers == 30)
        }
    }

    @Test func ownLikesAndBadIdsAreNoEvents() async throws {
        try await withStore { store in
            let bad = [
                event("otto", at: 1), event("a b", at: 1), event("", at: 1), event("u", at: .max),
                NotifyEvent(.like, user: "u", at: 1, photo: "p\u{0}", owner: "otto"),
            ]
            let recorded = try await store.add(bad)
            #expect(recorded.isEmpty)
        }
    }

    @Test func readMarksAreTheOwnersAndEndWithTheNextLike() async throws {
        try await withStore { store in
            _ = try await store.add([event("u1", photo: "p1", at: 1), event("u1", photo: "p2", at: 2)])
            #expect(try await store.unreadCount(of: "otto") == 2)
            let newest = try await store.notifications(of: "otto", before: nil, limit: 1)
            let id = try #require(newest.items.first?.id)
            #expect(try await store.markRead(owner: "eve", ids: [id]) == 0)
            #expect(try await store.markRead(owner: "otto", ids: [id]) == 1)
            #expect(try await store.unreadCount(of: "otto") == 1)
            _ = try await store.add([event("u2", photo: "p2", at: 3)])
            #expect(try await store.unreadCount(of: "otto") == 2)
            #expect(try await store.markRead(owner: "otto", ids: nil) == 2)
            #expect(try await store.unreadCount(of: "otto") == 0)
        }
    }

    @Test func pagesGoBack() async throws {
        try await withStore { store in
            for number in 0..<5 { _ = try await store.add([event("u", photo: "p\(number)", at: 7)]) }
            var (photos, cursor): ([String], NotificationCursor?) = ([], nil)
            repeat {
                let page = try await store.notifications(of: "otto", before: cursor, limit: 2)
                photos += page.items.map(\.photo)
                cursor = page.next.flatMap { NotificationCursor(parsing: $0.description) }
            } while cursor != nil && photos.count < 9
            #expect(photos == ["p4", "p3", "p2", "p1", "p0"])
        }
    }

    @Test func aPhotoThatEverybodyLikesStopsCosting() async throws {
        var settings = NotificationSettings()
        settings.likersMax = 10
        try await withStore(settings) { store in
            for batch in 0..<4 {
                _ = try await store.add((0..<6).map { event("u\(batch)-\($0)", at: Int64(batch)) })
            }
            // The batch that reaches the limit is still counted whole.
            #expect(try await store.notifications(of: "otto", before: nil, limit: 1).items.first?.likers == 12)
        }
    }

    @Test func oldOnesAreDeletedWithTheirLikers() async throws {
        try await withDatabase { pool in
            let store = PostgresNotificationStore(pool: pool)
            let now = try await pool.query("SELECT now()") { row throws(PostgresError) in try row.timestamp(0) }[0]
            _ = try await store.add([event("u1", at: 1), event("u2", at: 2), event("u1", at: now)])
            #expect(try await store.purge(olderThan: .seconds(60)) == 1)
            let left = try await pool.numbers("SELECT count(*) FROM notification_likers")
            #expect(left == [1])
        }
    }

    private func event(_ user: String, photo: String = "p1", at: Int64) -> NotifyEvent {
        NotifyEvent(.like, user: user, at: at, photo: photo, owner: "otto")
    }

    private func withStore(
        _ settings: NotificationSettings = NotificationSettings(),
        _ body: (PostgresNotificationStore) async throws -> Void
    ) async throws {
        try await withDatabase { try await body(PostgresNotificationStore(pool: $0, settings: settings)) }
    }
}
