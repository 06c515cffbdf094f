import Placement
import Report
import Testing

@testable import Orchestrator

struct SubscriptionMapTests {
    @Test func channelsOnTheirRendezvousReaderAreADiagonal() {
        let names = ["reader-1", "reader-2", "reader-3"]
        let channels = (0..<60).map { "video:v\($0)" }
        let first = Dictionary(grouping: channels) { Rendezvous.order(channel: $0, readers: names)[0] }
        let map = SubscriptionMap(title: "", subscribed: names.map { ($0, first[$0] ?? []) })
        #expect(map.filledShare == 1.0 / 3)
        let runs = map.rows.map { SubscriptionMap.runs(of: $0) }
        #expect(runs.map(\.count) == [1, 1, 1])
        #expect(runs[0][0].lowerBound == 0)
        #expect(runs[0][0].upperBound == runs[1][0].lowerBound)
        #expect(runs[1][0].upperBound == runs[2][0].lowerBound)
    }

    @Test func ofManyChannelsEveryNthIsShown() {
        let all = (0..<1_000).map { "video:v\($0)" }
        let map = SubscriptionMap(title: "", subscribed: [("a", all), ("b", all)])
        #expect(map.channels.count <= SubscriptionMap.channelsMax)
        #expect(map.channels.count > SubscriptionMap.channelsMax / 2)
        #expect(map.rows.allSatisfy { $0.count == map.channels.count })
        #expect(map.filledShare == 1)
    }

    @Test func nothingSubscribedIsAnEmptyMap() {
        #expect(SubscriptionMap(title: "", subscribed: []).filledShare == 0)
        #expect(SubscriptionMap(title: "", subscribed: [("a", [])]).rows == [""])
    }
}
