import Placement
import Testing

@Suite struct FullChannelsTests {
    func names(_ viewers: [Int], mean: Double, limits: PlacementLimits = .standard) -> [String] {
        FullChannels.names(
            viewers: viewers.enumerated().map { ("c\($0)", $1) }, connections: viewers.reduce(0, +), mean: mean,
            limits: limits)
    }

    @Test func aChannelIsFullAtItsPartOfAReader() {
        // Half of 1,000.
        #expect(names([500, 499, 1], mean: 1000) == ["c0"])
        #expect(names([499, 499, 2], mean: 1000) == [])
    }

    @Test func anOverloadedReaderLowersTheMark() {
        // 1,325 connections, shed above 1,125: 200 too many. At a mark of 300: (400-300) + (400-300) = 200.
        #expect(names([400, 400, 300, 225], mean: 1000) == ["c0", "c1", "c2"])
        #expect(names([400, 400, 299, 226], mean: 1000) == ["c0", "c1"])
    }

    @Test func smallChannelsAreNeverFull() {
        #expect(names(Array(repeating: 19, count: 500), mean: 10) == [])
        #expect(names([20, 19, 500], mean: 10) == ["c2", "c0"])
    }

    @Test func theListIsBounded() {
        let limits = PlacementLimits(fullChannelsMax: 3)
        #expect(names([50, 60, 70, 80, 90], mean: 10, limits: limits) == ["c4", "c3", "c2"])
    }
}
