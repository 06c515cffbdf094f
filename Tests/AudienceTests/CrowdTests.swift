import Placement
import Testing

@testable import Audience

@Suite struct CrowdTests {
    static let specs: [AudienceSpec] = [
        .uniform, .reference, .zipf(exponent: 1), .zipf(exponent: 0.7), .flash(share: 0.3),
    ]

    @Test(arguments: specs) func totalsAreExact(spec: AudienceSpec) throws {
        var draws = Xoshiro256(seed: 42)
        for _ in 0..<60 {
            let channels = draws.within(1...300)
            let viewers = draws.within(1...5000)
            let audience = try Audience(spec, channels: channels, viewers: viewers, seed: draws.next())
            #expect(audience.viewers.count == channels && audience.viewers.reduce(0, +) == viewers)
            #expect(audience.viewers.allSatisfy { $0 >= 0 })
            // A flash crowd leaves the others fewer viewers than channels sooner.
            if viewers >= 2 * channels { #expect(audience.viewers.allSatisfy { $0 >= 1 }, "\(channels) \(viewers)") }
        }
    }

    @Test(arguments: specs) func theSeedDecides(spec: AudienceSpec) throws {
        let one = try Audience(spec, channels: 100, viewers: 2500, seed: 9)
        #expect(try one == Audience(spec, channels: 100, viewers: 2500, seed: 9))
        let other = try Audience(spec, channels: 100, viewers: 2500, seed: 10)
        #expect((one.viewers != other.viewers) == (spec == .reference))
    }

    @Test func referenceHasItsTiers() throws {
        for seed in 1...50 {
            let viewers = try Audience(.reference, channels: 100, viewers: 2500, seed: UInt64(seed)).viewers
            #expect((200...300).contains(viewers[0]))
            #expect(viewers[1...5].allSatisfy { (50...100).contains($0) })
            #expect(viewers[6..<99].allSatisfy { (1...20).contains($0) })
            #expect((600...1200).contains(viewers[99]))
        }
    }

    @Test func referenceSpreadsOverFiveReadersAsExpected() throws {
        var inside = 0
        for seed in 1...100 {
            let audience = try Audience(.reference, channels: 100, viewers: 2500, seed: UInt64(seed))
            let spread = SpreadModel.random(sizes: audience.sizes, readers: 5).spread
            if (0.77...0.87).contains(spread) { inside += 1 }
            if seed == 1 { #expect((0.77...0.87).contains(spread)) }
        }
        #expect(inside >= 90)
    }

    @Test(arguments: [(10, 250), (1000, 25000), (1000, 250_000), (20, 100)])
    func referenceKeepsItsShapeAtOtherSizes(channels: Int, viewers: Int) throws {
        let sizes = try Audience(.reference, channels: channels, viewers: viewers, seed: 1).viewers
        let small = sizes[(channels / 100 + 1 + (channels + 10) / 20)..<(channels - 1)]
        #expect(sizes[0] > small.max() ?? 0)
        #expect(sizes[channels - 1] >= viewers / 4)
        #expect(sizes[channels - 1] < viewers * 3 / 4)
    }

    @Test func zipfFallsAsItsPower() throws {
        let audience = try Audience(.zipf(exponent: 1), channels: 90000, viewers: 2_000_000, seed: 1)
        let hottest = Double(audience.viewers[0]) / 2_000_000
        #expect(abs(hottest - 0.083) < 0.002)
        #expect(abs(Double(audience.viewers[0]) / Double(audience.viewers[9]) - 10) < 0.01)
        #expect(audience.viewers == audience.viewers.sorted(by: >))
        #expect(audience.viewers.last ?? 0 >= 1)
    }

    @Test func uniformIsEven() throws {
        let audience = try Audience(.uniform, channels: 7, viewers: 100, seed: 1)
        #expect(Set(audience.viewers) == [14, 15])
    }

    @Test func aFlashCrowdComesToTheFirstChannel() throws {
        let audience = try Audience(.flash(share: 0.4), channels: 10, viewers: 1000, seed: 1)
        #expect(audience.viewers[0] == 460 && audience.crowd == 60..<460)
        #expect(audience.viewers[1...].allSatisfy { $0 == 60 })
        #expect(try Audience(.uniform, channels: 10, viewers: 1000, seed: 1).crowd.isEmpty)
    }

    @Test func viewersAreNumberedChannelByChannel() throws {
        let audience = try Audience(.zipf(exponent: 2), channels: 50, viewers: 40, seed: 1)
        #expect(audience.viewers.contains(0))
        var naive: [Int] = []
        for (channel, size) in audience.viewers.enumerated() { naive += Array(repeating: channel, count: size) }
        #expect((0..<40).map { audience.channel(ofViewer: $0) } == naive)
        #expect((0..<50).allSatisfy { audience.viewers(ofChannel: $0).count == audience.viewers[$0] })
        #expect(audience.userID(ofViewer: 0) == "user1" && audience.channelName(0) == "video:v1")
    }

    @Test func shardsArePartsOfTheWhole() throws {
        let audience = try Audience(.reference, channels: 30, viewers: 700, seed: 4)
        for count in [1, 2, 3, 7] {
            let shards = try (0..<count).map { try Shard.parse("\($0)/\(count)") }
            let parts = shards.map { audience.viewers(of: $0) }
            #expect(zip(shards, parts).allSatisfy { $0.viewers(of: 700) == $1.count })
            let all = parts.flatMap { $0 }.sorted { $0.viewer < $1.viewer }
            #expect(all.map(\.viewer) == Array(0..<700))
            #expect(all.allSatisfy { audience.channel(ofViewer: $0.viewer) == $0.channel })
        }
    }

    @Test func badSizesAreNamed() {
        #expect(throws: InvalidParameter.self) { try Audience(.uniform, channels: 0, viewers: 5, seed: 1) }
        #expect(throws: InvalidParameter.self) { try Audience(.uniform, channels: 5, viewers: 0, seed: 1) }
        do {
            _ = try Audience(.uniform, channels: 2_000_000, viewers: 5, seed: 1)
        } catch {
            #expect(error.description == "streams is \"2000000\"; expected a number from 1 to 1000000")
        }
    }

    @Test(arguments: specs) func specsAreReadBack(spec: AudienceSpec) throws {
        #expect(try AudienceSpec.parse(spec.description) == spec)
    }

    @Test(arguments: [
        "", "Uniform", "zipf", "zipf:", "zipf:x", "zipf:-1", "zipf:5", "zipf:nan", "flash:0", "flash:1", "flash:",
        "uniform:1", "reference:2",
    ])
    func badSpecsAreNamed(text: String) {
        #expect(throws: InvalidParameter.self) { try AudienceSpec.parse(text) }
    }

    @Test(arguments: ["", "1", "1/", "/2", "2/2", "-1/2", "0/0", "0/2000", "0/2/3", "a/b"])
    func badShardsAreNamed(text: String) {
        #expect(throws: InvalidParameter.self) { try Shard.parse(text) }
    }
}

/// The model of random placement against draws of the preset `reference`.
@Suite struct ReferencePresetTests {
    /// Channels of each of 5 Readers when every viewer of the audience goes to one at random.
    private func draw(_ audience: Audience, seed: UInt64) -> [Int] {
        var draws = Xoshiro256(seed: seed)
        var channels = Array(repeating: Set<Int>(), count: 5)
        for (viewer, channel) in audience.viewers(of: .whole) {
            _ = viewer
            channels[draws.below(5)].insert(channel)
        }
        return channels.map(\.count)
    }

    /// Both means and both standard deviations, over 400 draws: within what 400 draws can tell.
    @Test func theFormulaAndItsDeviationsHold() throws {
        let audience = try Audience(.reference, channels: 100, viewers: 2_500, seed: 1)
        let model = SpreadModel.random(sizes: audience.sizes, readers: 5)
        let deviation = try #require(model.deviation)
        let draws = (1...400).map { draw(audience, seed: $0) }
        let shares = draws.flatMap { $0.map { Double($0) / 100 } }
        let means = draws.map { Double($0.reduce(0, +)) / 500 }
        func scatter(_ values: [Double]) -> Double {
            (values.reduce(0) { $0 + ($1 - model.spread) * ($1 - model.spread) } / Double(values.count)).squareRoot()
        }
        #expect(abs(means.reduce(0, +) / 400 - model.spread) < 4 * deviation.spread / 20)
        #expect(abs(scatter(means) / deviation.spread - 1) < 0.15)
        #expect(abs(scatter(shares) / deviation.share - 1) < 0.1)
        // One Reader scatters more than the mean of five does.
        #expect(deviation.share > 2 * deviation.spread)
    }
}
