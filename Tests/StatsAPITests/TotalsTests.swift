import Testing
import Wire

@testable import StatsAPI

@Suite struct TotalsTests {
    func commentAPI(_ id: String, session: String = "s", published: Int, by: [String: Int] = [:]) -> CommentAPIReport {
        CommentAPIReport(
            instanceId: id, session: session, totalCommentsReceived: published + 1, totalCommentsPublished: published,
            publishedByChannel: by)
    }

    @Test func finishedInstancesStayCounted() {
        var aggregate = Aggregate()
        _ = aggregate.accept(commentAPI("a", published: 10), at: .seconds(1))
        _ = aggregate.accept(commentAPI("b", published: 5), at: .seconds(14))
        func totals(_ second: Int) -> [Int] {
            let apis = aggregate.statistics(at: .seconds(second), timestamp: "").commentApi
            return [apis.totalInstances, apis.totalCommentsReceived, apis.totalCommentsPublished]
        }
        #expect(totals(15) == [2, 17, 15] && totals(20) == [1, 17, 15])
        // It had only been silent: its total counts from its start, and is not counted twice.
        _ = aggregate.accept(commentAPI("a", published: 12), at: .seconds(21))
        #expect(totals(22) == [2, 19, 17])
        // A restart begins at zero, and what the old process did stays.
        _ = aggregate.accept(commentAPI("a", session: "new", published: 1), at: .seconds(23))
        #expect(totals(24) == [2, 21, 18])
    }

    @Test func finishedClientsStayCounted() {
        var aggregate = Aggregate()
        _ = aggregate.accept(ClientReport(clientId: "c", commentsGenerated: 3, commentsConsumed: 30), at: .seconds(1))
        #expect(aggregate.statistics(at: .seconds(30), timestamp: "").clients.totalCommentsConsumed == 30)
        _ = aggregate.accept(ClientReport(clientId: "c", commentsGenerated: 4, commentsConsumed: 40), at: .seconds(31))
        #expect(aggregate.statistics(at: .seconds(31), timestamp: "").clients.totalCommentsConsumed == 40)
        _ = aggregate.accept(ClientReport(clientId: "c", commentsGenerated: 0, commentsConsumed: 1), at: .seconds(32))
        let clients = aggregate.statistics(at: .seconds(32), timestamp: "").clients
        #expect([clients.totalClients, clients.totalCommentsConsumed, clients.totalCommentsGenerated] == [1, 41, 4])
    }

    @Test func theOldestFinishedBecomeFinal() {
        var totals = FinishedTotals(limit: 4)
        for number in 0..<6 { totals.finish("p\(number)", .init(first: 1, second: 10)) }
        #expect(totals.sum == .init(first: 6, second: 60))
        totals.resume("p5")
        #expect(totals.sum == .init(first: 5, second: 50))
        // Forgotten by name: it can no longer be taken out.
        totals.resume("p0")
        #expect(totals.sum == .init(first: 5, second: 50))
    }

    @Test func absurdNumbersDoNotOverflow() {
        var aggregate = Aggregate()
        for id in ["a", "b"] {
            var report = commentAPI(id, published: .max - 1, by: ["video:a": .max, "nonsense": .max])
            report.publishedElsewhere = .max
            report.refusals = Dictionary(uniqueKeysWithValues: (0..<500).map { ("code\($0)", Int.max) })
            _ = aggregate.accept(report, at: .seconds(1))
            _ = aggregate.accept(
                ClientReport(clientId: id, viewers: .max, commentsGenerated: .max, commentsConsumed: .min),
                at: .seconds(1))
            _ = aggregate.accept(
                ReaderReport(
                    instanceId: id, session: "s", sequence: .max, full: true, subscribed: ["video:a"], unsubscribed: [],
                    subscriptions: 1, viewers: ["video:a": .max], publicUrl: nil, activeConnections: .max,
                    totalConnections: .max, totalMessagesReceived: .max, totalMessagesSent: .min), at: .seconds(1))
        }
        let statistics = aggregate.statistics(at: .seconds(1), timestamp: "")
        #expect(statistics.commentApi.totalCommentsPublished == 2 << 40)
        #expect(statistics.commentApi.instances[0].refusals.count == 64 && statistics.readerApis.totalMessagesSent == 0)
        #expect(statistics.clients.totalCommentsConsumed == 0)
        #expect(statistics.subscriptionSpread.weightedAmplification == 2)
    }
}

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
        let newest = ([20] + (4...12).reversed()).map { comment($0) }
        #expect(stored(&aggregate, at: 14) == .init(total: 15, newestFirst: newest))
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
