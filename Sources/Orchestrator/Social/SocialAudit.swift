import Foundation
import NIOHTTP1
import Placement
import PostgresLibpq
import Primitives
import Storage
import Testbed

/// Compares what was acknowledged with the rows of the database, and what people are shown with both.
struct SocialAudit: Sendable {
    let pool: PostgresPool
    let services: SocialServices
    let crowd: SocialCrowd
    let likes: LikeAudit
    let seed: UInt64

    /// Waits until nothing is under way behind the answers; how long that took.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when it takes longer than `limit`.
    func drain(atMost limit: Duration) async throws -> Double {
        let start = ContinuousClock.now
        _ = try await likes.drain(atMost: limit) { _ in }
        try await Polling.until(atMost: limit, every: .milliseconds(50), late: "the outbox is not empty yet") {
            try await number("SELECT count(*) FROM outbox WHERE available_at < 'infinity'") == 0
        }
        return (ContinuousClock.now - start).seconds
    }

    func compare() async throws -> SocialResult.Found {
        let ledger = crowd.now.ledger
        var found = SocialResult.Found()
        found.posts = ledger.authors.count
        found.likes = ledger.likes.count
        found.comments = ledger.comments.count
        // Those of the beginning have the time 0.
        let newFollows = try await rows(
            "SELECT follower_id, followee_id FROM follows WHERE created_at > 'epoch'", 2)
        found.follows = newFollows.count
        try await compareRows(ledger, newFollows, &found)
        try await compareNotifications(ledger, newFollows, &found)
        var random = Xoshiro256(seed: seed, purpose: "social audit")
        let people = (0..<SocialPlan.compared).map { number in
            // Half of them are those who wrote most.
            number % 2 == 0
                ? ledger.people[random.below(ledger.people.count)]
                : ledger.people[SocialPlan.drawn(of: ledger.people.count, &random)]
        }
        for person in Set(people + ledger.registered.prefix(SocialPlan.compared)).sorted() {
            try await compareFeed(of: person, &found)
            try await compareList(of: person, &found)
        }
        return found
    }

    // MARK: Rows

    private func compareRows(
        _ ledger: SocialLedger, _ newFollows: Set<[String]>, _ found: inout SocialResult.Found
    ) async throws {
        func check(_ what: String, _ rows: Set<[String]>, _ truth: Set<[String]>) {
            let (missing, foreign) = (truth.subtracting(rows).count, rows.subtracting(truth).count)
            if missing + foreign > 0 {
                found.rows.append("\(what): \(missing) that were acknowledged are not there, \(foreign) were not")
            }
        }
        check(
            "posts", try await rows("SELECT post_id, author_id FROM posts WHERE deleted_at IS NULL", 2),
            Set(ledger.authors.map { [$0.key, $0.value] }))
        check(
            "likes", try await rows("SELECT photo_id, user_id FROM likes WHERE liked", 2),
            Set(ledger.likes.map { [$0.first, $0.second] }))
        check(
            "comments",
            try await rows("SELECT id, video_id, user_id FROM comments WHERE removed_at IS NULL", 3),
            Set(ledger.comments.map { [$0.key, $0.value.post, $0.value.author] }))
        let asked = ledger.follows.map { [$0.first, $0.second] }
        let all = try await rows(
            """
            SELECT follower_id, followee_id FROM follows
            JOIN unnest($1::text[], $2::text[]) AS asked (follower_id, followee_id) USING (follower_id, followee_id)
            """, 2, [.texts(asked.map { $0[0] }), .texts(asked.map { $0[1] })])
        check("follows", all, Set(asked))
        check("new follows", newFollows.subtracting(asked), [])
        let wrong = try await number(
            """
            SELECT count(*) FROM posts AS p LEFT JOIN photos AS h ON h.photo_id = p.post_id
            LEFT JOIN post_counts AS c ON c.post_id = p.post_id
            WHERE coalesce(h.like_count, 0) <> (SELECT count(*) FROM likes WHERE photo_id = p.post_id AND liked)
                OR coalesce(c.comments, 0) <> (SELECT count(*) FROM comments
                    WHERE channel = 'post:' || p.post_id AND removed_at IS NULL)
            """)
        if wrong > 0 { found.rows.append("\(wrong) posts have other counts than rows") }
        let dead = try await number("SELECT count(*) FROM outbox WHERE available_at = 'infinity'")
        if dead > 0 { found.rows.append("\(dead) rows of the outbox could not be handled") }
    }

    // MARK: Notifications

    private func compareNotifications(
        _ ledger: SocialLedger, _ newFollows: Set<[String]>, _ found: inout SocialResult.Found
    ) async throws {
        let told = ledger.told { newFollows.contains([$0.first, $0.second]) }
        let rows = try await list("SELECT owner_id, kind, photo_id FROM notifications WHERE kind <> 'likes'", 3)
        let (missing, foreign) = (told.subtracting(rows).count, Set(rows).subtracting(told).count)
        let twice = rows.count - Set(rows).count
        if missing + foreign + twice > 0 {
            found.notifications.append(
                "of comments and follows \(missing) were not told, \(twice) twice, \(foreign) that were not")
        }
        let likers = try await list(
            "SELECT photo_id, owner_id, sum(likers)::text FROM notifications WHERE kind = 'likes' GROUP BY 1, 2", 3)
        let owed = Set(ledger.likers.map { [$0.key, ledger.authors[$0.key] ?? "", "\($0.value)"] })
        let wrong = owed.symmetricDifference(likers).count
        if wrong > 0 || likers.count != owed.count {
            found.notifications.append("\(wrong) posts' likers were not told exactly once each")
        }
        found.told = rows.count + likers.count
    }

    /// What the service lists is what the database has.
    private func compareList(of person: String, _ found: inout SocialResult.Found) async throws {
        struct Listed: Decodable { var id: String }
        let token = try await crowd.token(of: person)
        let answer = try await services.likes.send(.GET, "/api/notifications?limit=200", token: token)
        let listed = answer.status == 200 ? try JSONDecoder().decode([Listed].self, from: answer.body).map(\.id) : []
        let rows = try await list(
            "SELECT id::text FROM notifications WHERE owner_id = $1 ORDER BY newest_at DESC, id DESC LIMIT 200", 1,
            [.text(person)])
        if answer.status != 200 || listed != rows.map({ $0[0] }) {
            found.notifications.append("\(person) is shown \(listed.count) notifications of \(rows.count)")
        }
    }

    // MARK: Feeds

    private struct FeedPage: Decodable {
        struct Post: Decodable {
            var id: String
            var likes: Int
            var liked: Bool
            var comments: Int
        }
        var posts: [Post]
        var next: String?
    }

    /// All pages of a feed, with their counts, are what the tables say.
    private func compareFeed(of person: String, _ found: inout SocialResult.Found) async throws {
        let token = try await crowd.token(of: person)
        var shown: [[String]] = []
        var after = ""
        repeat {
            let answer = try await services.social.send(.GET, "/api/feed?limit=50\(after)", token: token)
            guard answer.status == 200 else {
                found.feeds.append("\(person)'s feed is answered with \(answer.status)")
                return
            }
            let page = try JSONDecoder().decode(FeedPage.self, from: answer.body)
            shown += page.posts.map { [$0.id, "\($0.likes)", "\($0.liked)", "\($0.comments)"] }
            after = page.next.map { "&after=\($0)" } ?? ""
        } while !after.isEmpty && shown.count < 100_000
        let rows = try await list(
            """
            SELECT p.post_id, (SELECT count(*) FROM likes WHERE photo_id = p.post_id AND liked)::text,
                EXISTS (SELECT 1 FROM likes WHERE photo_id = p.post_id AND user_id = $1 AND liked)::text,
                (SELECT count(*) FROM comments WHERE channel = 'post:' || p.post_id AND removed_at IS NULL)::text
            FROM posts AS p
            WHERE p.deleted_at IS NULL AND may_see($1, p.author_id, p.visibility) AND (p.author_id = $1
                OR p.author_id IN (SELECT followee_id FROM follows WHERE follower_id = $1))
            ORDER BY p.sequence DESC
            """, 4, [.text(person)])
        found.feedPosts += rows.count
        found.comparedFeeds += 1
        if shown != rows {
            let differences = zip(shown, rows).count { $0 != $1 } + abs(shown.count - rows.count)
            found.feeds.append("\(person)'s feed differs from SQL in \(differences) of \(rows.count) posts")
        }
    }

    // MARK: SQL

    private func list(
        _ statement: PostgresStatement, _ columns: Int, _ values: [PostgresValue] = []
    ) async throws -> [[String]] {
        try await pool.session { connection in
            try connection.query(statement, values) { row throws(PostgresError) in
                var texts: [String] = []
                for column in 0..<columns { texts.append(try row.text(column)) }
                return texts
            }
        }
    }

    private func rows(
        _ statement: PostgresStatement, _ columns: Int, _ values: [PostgresValue] = []
    ) async throws -> Set<[String]> {
        Set(try await list(statement, columns, values))
    }

    private func number(_ statement: PostgresStatement) async throws -> Int64 {
        try await pool.session { connection in
            try connection.query(statement) { row throws(PostgresError) in try row.bigint(0) }.first ?? 0
        }
    }
}
