import Testing
import Wire

@testable import StatsAPI

/// `storedComments`: what the databases of the CommentAPIs hold, each counted once.
@Suite struct StoredCommentsTests {
    private func comment(_ number: Int) -> Wire.Comment {
        Comment(
            id: "c\(number)", userid: "u", videoid: "v", comment: "text \(number)",
            timestamp: Timestamp.text(millisecondsSinceEpoch: Int64(number)))
    }

    private func report(
        _ id: String, published: Int = 0, database: CommentAPIReport.Database? = nil, latest: [Int] = []
    ) -> CommentAPIReport {
        CommentAPIReport(
            instanceId: id, session: "s", totalCommentsReceived: published, totalCommentsPublished: published,
            database: database, latestComments: latest.map { comment($0) })
    }

    private func stored(_ aggregate: inout Aggregate, at second: Int = 1) -> Statistics.StoredComments {
        aggregate.statistics(at: .seconds(second), timestamp: "").storedComments
    }

    @Test func instancesOfOneDatabaseAreOneTotal() {
        var aggregate = Aggregate()
        for (id, total, latest) in [("a", 40, [9, 8, 7]), ("b", 41, [10, 9, 8])] {
            _ = aggregate.accept(
                report(id, published: 30, database: .init(id: "db", storedComments: total), latest: latest),
                at: .seconds(1))
        }
        #expect(stored(&aggregate).total == 41)
        #expect(stored(&aggregate).latestComments == [10, 9, 8, 7].map { comment($0) })
        _ = aggregate.accept(report("c", database: .init(id: "other", storedComments: 5)), at: .seconds(1))
        #expect(stored(&aggregate).total == 46 && stored(&aggregate).showing == "4 of 46 latest comments")
    }

    @Test func withoutADatabaseWhatWasPublishedCounts() {
        var aggregate = Aggregate()
        _ = aggregate.accept(report("a", published: 12, latest: Array((1...12).reversed())), at: .seconds(1))
        _ = aggregate.accept(report("b", published: 3, latest: [20]), at: .seconds(14))
        #expect(
            stored(&aggregate, at: 14)
                == .init(total: 15, newestFirst: ([20] + (4...12).reversed()).map { comment($0) }))
        #expect(stored(&aggregate, at: 14).latestComments.count == 10)
        // The first one is gone, and what it published stays counted.
        #expect(stored(&aggregate, at: 20) == .init(total: 15, newestFirst: [comment(20)]))
    }

    @Test func aDatabaseStaysCounted() {
        var aggregate = Aggregate()
        _ = aggregate.accept(report("a", published: 9, database: .init(id: "db", storedComments: 100)), at: .seconds(1))
        #expect(stored(&aggregate, at: 60).total == 100)
        // It has not asked its database yet.
        _ = aggregate.accept(report("b", published: 1, database: .init(id: nil, storedComments: 0)), at: .seconds(61))
        #expect(stored(&aggregate, at: 61).total == 100)
        _ = aggregate.accept(report("b", published: 1, database: .init(id: "new", storedComments: 7)), at: .seconds(62))
        #expect(stored(&aggregate, at: 62).total == 7)
    }

    @Test func whatCannotBeACommentIsNotShown() {
        var aggregate = Aggregate()
        var wrong = report("a", published: 1, database: .init(id: "db", storedComments: -5), latest: [1, 2, 3])
        wrong.latestComments?[0].userid = "no id"
        wrong.latestComments?[1].comment = String(repeating: "x", count: 8_001)
        _ = aggregate.accept(wrong, at: .seconds(1))
        #expect(stored(&aggregate) == .init(total: 0, newestFirst: [comment(3)]))
        var long = report("b", published: 4, database: .init(id: String(repeating: "d", count: 300), storedComments: 9))
        long.latestComments = nil
        _ = aggregate.accept(long, at: .seconds(1))
        #expect(stored(&aggregate).total == 4)
    }
}
