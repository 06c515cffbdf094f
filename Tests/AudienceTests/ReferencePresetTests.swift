import Placement
import Testing

@testable import Audience

/// What the reference run shows, computed without running it.
@Suite struct ReferencePresetTests {
    private struct Draw {
        var predicted: Double
        var channelsOfReaders: [Int]

        var mean: Double { Double(channelsOfReaders.reduce(0, +)) / Double(channelsOfReaders.count) }
        var worst: Double { channelsOfReaders.map { abs(Double($0) - predicted) }.max() ?? 0 }

        init(seed: UInt64) throws {
            let audience = try Audience(.reference, channels: 100, viewers: 2_500, seed: seed)
            var channels = Array(repeating: Set<Int>(), count: 5)
            for viewer in 0..<audience.total {
                channels[audience.randomReader(ofViewer: viewer, readers: 5)].insert(audience.channel(ofViewer: viewer))
            }
            predicted = SpreadModel.random(sizes: audience.sizes, readers: 5).spread * 100
            channelsOfReaders = channels.map(\.count)
        }
    }

    @Test func withThePresetsSeedEveryReaderLiesWithinThreePointsOfTheFormula() throws {
        let draw = try Draw(seed: AudienceSpec.referenceSeed)
        #expect(draw.worst <= 3, "\(draw)")
        #expect((77...87).contains(draw.mean))
    }

    /// One Reader alone scatters by about 3.3 points, the mean of five by much less, whatever the seed.
    @Test func withAnySeedTheMeanLiesWithinThreePoints() throws {
        for seed in 1...100 {
            let draw = try Draw(seed: UInt64(seed))
            #expect(abs(draw.mean - draw.predicted) <= 3, "seed \(seed): \(draw)")
        }
    }
}
