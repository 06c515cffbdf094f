import Audience
import Placement
import Testing
import Wire

@testable import StatsAPI

@Suite struct SpreadTests {
    @Test func spreadIsCountedFromTheSets() throws {
        var aggregate = Aggregate()
        let sets: [[String: Int]] = [
            ["video:a": 2, "video:b": 1], ["video:a": 1, "video:b": 1, "video:c": 4], ["video:a": 3],
        ]
        for (index, viewers) in sets.enumerated() {
            var reader = SimulatedReader("r\(index)", Set(viewers.keys))
            reader.viewers = viewers
            _ = aggregate.accept(reader.report(), at: .seconds(1))
        }
        _ = aggregate.accept(
            CommentAPIReport(
                instanceId: "c", session: "s", totalCommentsReceived: 10, totalCommentsPublished: 10,
                publishedByChannel: ["video:a": 8, "video:c": 2, "video:unwatched": 90]), at: .seconds(1))
        let spread = aggregate.statistics(
            at: .seconds(1), timestamp: "now", redis: .init(subscriptions: 6, channels: 3)
        ).subscriptionSpread
        #expect([spread.channels, spread.subscriptions] == [3, 6])
        #expect(spread.readers.map(\.channels) == [2, 3, 1])
        #expect(spread.meanShare.map { abs($0 - 2.0 / 3) < 1e-12 } == true)
        #expect([spread.minShare, spread.maxShare] == [1.0 / 3, 1])
        #expect([spread.amplification, spread.wastedShare] == [2, 0.5])
        // Of 10 comments 8 go to three Readers and 2 to one; what nobody watches costs nothing.
        #expect(spread.weightedAmplification == 2.6)
        let expected = SpreadModel.random(sizes: ChannelSizes(viewers: [6, 2, 4]), readers: 3).spread
        #expect(abs((spread.predictedShare ?? 0) - expected) < 1e-12)
        #expect([spread.redisSubscriptions, spread.redisChannels] == [6, 3])
    }

    /// A Reader of an older version says nothing of it.
    @Test func whatViewersCostWhoAreNotRedirected() {
        var aggregate = Aggregate()
        for (index, (notRedirected, extra)) in ([(7, 2), (-1, .max), (nil, nil)] as [(Int?, Int?)]).enumerated() {
            var reader = SimulatedReader("r\(index)", ["video:a", "video:b"])
            (reader.notRedirected, reader.extra) = (notRedirected, extra)
            _ = aggregate.accept(reader.report(), at: .seconds(1))
        }
        let statistics = aggregate.statistics(at: .seconds(1), timestamp: "")
        #expect(statistics.readerApis.readers.map(\.notRedirected) == [7, 0, 0])
        #expect(statistics.readerApis.readers.map(\.extraSubscriptions) == [2, 1 << 40, 0])
        #expect(statistics.subscriptionSpread.extraSubscriptions == 2 + (1 << 40))
    }

    @Test func withoutChannelsThereIsNothingToSay() {
        var aggregate = Aggregate()
        let spread = aggregate.statistics(at: .seconds(1), timestamp: "").subscriptionSpread
        #expect(spread.channels == 0)
        #expect([spread.meanShare, spread.amplification, spread.predictedShare] == [nil, nil, nil])
    }

    @Test func listsAreCutAndTheirTrueSizesStandBeside() {
        var aggregate = Aggregate()
        for index in 0..<120 {
            var reader = SimulatedReader("r\(index + 1000)", Set((0..<150).map { "video:v\($0 + 1000)" }))
            _ = aggregate.accept(reader.report(), at: .seconds(1))
            _ = aggregate.accept(ClientReport(clientId: "c\(index)", commentsConsumed: 1), at: .seconds(1))
        }
        let cut = aggregate.statistics(at: .seconds(2), timestamp: "")
        let (readers, clients, spread) = (cut.readerApis, cut.clients, cut.subscriptionSpread)
        #expect([readers.totalReaders, readers.readers.count] == [120, 100])
        #expect([readers.totalSubscribedTopics, readers.allSubscribedTopics.count] == [150, 100])
        #expect([readers.readers[0].totalSubscribedTopics, readers.readers[0].subscribedTopics.count] == [150, 100])
        #expect([clients.totalCommentsConsumed, clients.clients.count] == [120, 100])
        #expect([spread.subscriptions, spread.readers.count] == [18000, 100])
        #expect(cut.readerApis.readers[0].secondsSinceReport == 1)
        let full = aggregate.statistics(at: .seconds(2), timestamp: "", full: true)
        #expect([full.readerApis.readers.count, full.readerApis.allSubscribedTopics.count] == [120, 150])
        #expect(full.readerApis.allSubscribedTopics == full.readerApis.allSubscribedTopics.sorted())
        #expect(full.subscriptionSpread.readers.count == 120)
    }
}
