import Testing

@testable import StatsAPI

@Suite struct ChannelTableTests {
    @Test func idsAreKeptWhileSomebodyHoldsThem() throws {
        var table = ChannelTable(channelsMax: 2)
        let holdA = table.hold("video:a")
        let first = try #require(holdA)
        let again = table.hold("video:a")
        #expect(again == first)
        let holdB = table.hold("video:b")
        let second = try #require(holdB)
        #expect(first != second)
        let third = table.hold("video:c")
        #expect(third == nil)
        table.release(first)
        #expect(table.id(of: "video:a") == first)
        table.release(first)
        #expect(table.id(of: "video:a") == nil)
        let reused = table.hold("video:c")
        #expect(reused == first)
        #expect(table.name(of: first) == "video:c")
        #expect(table.idLimit == 2)
    }

    @Test func whatIsNoChannelIsRefused() {
        var table = ChannelTable(channelsMax: 10)
        for name in ["", "a", "film:1", "video:", "video:a b"] {
            let id = table.hold(name)
            #expect(id == nil)
        }
        #expect(table.count == 0)
    }
}
