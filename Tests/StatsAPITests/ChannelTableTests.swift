import Testing

@testable import StatsAPI

@Suite struct ChannelTableTests {
    @Test func idsAreKeptWhileSomebodyHoldsThem() throws {
        var table = ChannelTable(channelsMax: 2)
        let holdA = table.hold("video:a")
        let first = try #require(holdA)
        #expect(table.hold("video:a") == first)
        let holdB = table.hold("video:b")
        let second = try #require(holdB)
        #expect(first != second)
        #expect(table.hold("video:c") == nil)
        table.release(first)
        #expect(table.id(of: "video:a") == first)
        table.release(first)
        #expect(table.id(of: "video:a") == nil)
        #expect(table.hold("video:c") == first)
        #expect(table.name(of: first) == "video:c")
        #expect(table.idLimit == 2)
    }

    @Test func whatIsNoChannelIsRefused() {
        var table = ChannelTable(channelsMax: 10)
        for name in ["", "a", "film:1", "video:", "video:a b"] {
            #expect(table.hold(name) == nil)
        }
        #expect(table.count == 0)
    }
}
