import Audience
import Placement
import Testing

@Suite struct SpreadModelTests {
    /// Every way to place n viewers on R Readers, counted.
    static func bruteForce(viewers: Int, readers: Int) -> Double {
        var ways = 1
        for _ in 0..<viewers { ways *= readers }
        var subscriptions = 0
        for way in 0..<ways {
            var rest = way
            var seen: Set<Int> = []
            for _ in 0..<viewers {
                seen.insert(rest % readers)
                rest /= readers
            }
            subscriptions += seen.count
        }
        return Double(subscriptions) / Double(ways)
    }

    /// Every hand of a Reader is a subset of the viewers: those that miss the first `viewers` of `total`, counted.
    static func bruteForceDealt(viewers: Int, total: Int, readers: Int) -> Double {
        (0..<readers).reduce(0.0) { sum, reader in
            let hand = total / readers + (reader < total % readers ? 1 : 0)
            let hands = (0..<(1 << total)).filter { $0.nonzeroBitCount == hand }
            let missing = hands.count { $0 & ((1 << viewers) - 1) == 0 }
            return sum + 1 - Double(missing) / Double(hands.count)
        }
    }

    @Test func randomIsTheMeanOverAllWays() {
        for readers in 1...5 {
            for viewers in 1...6 {
                let expected = Self.bruteForce(viewers: viewers, readers: readers)
                #expect(abs(SpreadModel.randomReaders(viewers: viewers, readers: readers) - expected) < 1e-9)
            }
        }
        #expect(SpreadModel.randomReaders(viewers: 0, readers: 5) == 0)
        #expect(SpreadModel.randomReaders(viewers: 5, readers: 0) == 0)
    }

    @Test func dealtIsTheMeanOverAllHands() {
        for (viewers, total, readers) in [(1, 6, 3), (2, 6, 3), (3, 10, 4), (5, 12, 5), (12, 12, 5), (2, 3, 5)] {
            let expected = Self.bruteForceDealt(viewers: viewers, total: total, readers: readers)
            let found = SpreadModel.dealtReaders(viewers: viewers, total: total, readers: readers)
            #expect(abs(found - expected) < 1e-9, "\(viewers) of \(total) on \(readers)")
        }
    }

    /// The product and the logarithms of factorials are two ways to one number.
    @Test func dealtAgreesWithItselfAtTheSwitch() {
        for viewers in [255, 256, 257, 258] {
            var direct = 1.0
            for step in 0..<viewers { direct *= 1 - 999 / Double(1_000_000 - step) }
            let found = SpreadModel.dealtReaders(viewers: viewers, total: 1_000_000, readers: 1001)
            // 1,000,000 = 1001 * 999 + 1: nearly all hands have 999 viewers.
            #expect(abs(found / 1001 - (1 - direct)) < 1e-5)
        }
        let few = SpreadModel.dealtReaders(viewers: 5, total: 2_000_000, readers: 14)
        #expect(abs(few - SpreadModel.randomReaders(viewers: 5, readers: 14)) < 1e-3)
    }

    @Test func addingReadersLowersSpreadAndRaisesAmplification() throws {
        let sizes = ChannelSizes(viewers: [1, 2, 5, 20, 300])
        var last = SpreadModel.random(sizes: sizes, readers: 1)
        #expect(last.spread == 1 && last.wastedShare == 0)
        for readers in 2...60 {
            let next = SpreadModel.random(sizes: sizes, readers: readers)
            #expect(next.spread < last.spread)
            #expect(next.amplification > last.amplification)
            #expect(next.weightedAmplification > next.amplification)
            last = next
        }
    }

    @Test func commentsFollowViewers() {
        // One viewer has one Reader, and a thousand have all four.
        let outcome = SpreadModel.random(sizes: ChannelSizes(viewers: [1, 1000]), readers: 4)
        #expect(abs(outcome.weightedAmplification - 4_001.0 / 1_001) < 1e-9)
    }

    @Test func unwatchedChannelsAreLeftOut() {
        #expect(SpreadModel.random(sizes: ChannelSizes(viewers: [0, 3, 0]), readers: 4).channels == 1)
        #expect(SpreadModel.random(sizes: ChannelSizes(viewers: [0]), readers: 4).amplification == 0)
    }

    @Test func rendezvousCostsNothingButBalance() {
        let sizes = ChannelSizes(viewers: [900, 50, 50])
        let outcome = SpreadModel.rendezvous(sizes: sizes, readers: 4)
        #expect(outcome.amplification == 1 && outcome.weightedAmplification == 1)
        #expect(outcome.spread == 0.25 && outcome.wastedShare == 0)
        // 90% of all viewers on one of four Readers.
        #expect(outcome.loadMaxOverMean >= 3.6)
    }

    /// Values of the expected maximum of R standard normals: H. Harter, Biometrika 48, 1961.
    @Test func expectedMaximaAreThePublishedOnes() {
        for (readers, maximum) in [(1, 0), (2, 0.56419), (3, 0.84628), (5, 1.16296), (10, 1.53875), (100, 2.50759)] {
            let found = (LoadImbalance.maxOverMean(pieces: Double(readers), readers: readers) - 1)
            #expect(abs(found - maximum) < 1e-4, "\(readers)")
        }
    }
}

@Suite struct ScalingTableTests {
    @Test func theScalingTableShowsTheFlawAndWhatRemovesIt() throws {
        let audience = try Audience(.zipf(exponent: 1), channels: 2000, viewers: 50000, seed: 1)
        let table = ScalingTable(audience, readers: [0, 5, 14], strategies: PlacementStrategy.allCases)
        #expect(table.rows.count == 10)
        func row(_ readers: Int, _ strategy: PlacementStrategy) throws -> SpreadOutcome {
            try #require(table.rows.first { $0.outcome.readers == readers && $0.strategy == strategy }).outcome
        }
        #expect(try row(14, .random).amplification > row(5, .random).amplification)
        #expect(try row(14, .random).spread < row(5, .random).spread)
        #expect(try row(14, .rendezvous).amplification == 1)
        #expect(try row(14, .overflow).amplification < 1.1)
        #expect(try row(14, .overflow).loadMaxOverMean < 1.25)
        #expect(try row(14, .rendezvous).loadMaxOverMean > 1.25)
    }
}
