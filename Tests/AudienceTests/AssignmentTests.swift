import Audience
import Placement
import Testing

/// Zipf 1.0 in whole viewers, at least 1 each; the first channel takes what rounding leaves.
func makeZipf(channels: Int, viewers: Int) -> [Int] {
    let harmonic = (1...channels).reduce(0.0) { $0 + 1 / Double($1) }
    var sizes = (1...channels).map { max(1, Int(Double(viewers) / harmonic / Double($0))) }
    sizes[0] += viewers - sizes.reduce(0, +)
    return sizes
}

@Suite struct AssignmentTests {
    static let small = makeZipf(channels: 200, viewers: 6000)

    @Test(arguments: PlacementStrategy.allCases) func everyViewerHasOnePlace(strategy: PlacementStrategy) {
        var viewers = Self.small
        viewers[7] = 0
        let simulation = AssignmentSimulation(viewers: viewers, seed: 3)
        let assignment = simulation.assign(strategy, readers: AssignmentSimulation.readerNames(7))
        var loads = [Int](repeating: 0, count: 7)
        for (channel, size) in viewers.enumerated() {
            let parts = assignment.parts(ofChannel: channel)
            #expect(parts.reduce(0) { $0 + Int($1.viewers) } == size)
            #expect(Set(parts.map(\.reader)).count == parts.count)
            #expect(parts.allSatisfy { $0.viewers > 0 })
            for part in parts { loads[Int(part.reader)] += Int(part.viewers) }
        }
        #expect(loads == assignment.loads)
        #expect(assignment.subscriptions.reduce(0, +) == Int(assignment.outcome().subscriptions))
        #expect(assignment == simulation.assign(strategy, readers: AssignmentSimulation.readerNames(7)))
    }

    @Test(arguments: [PlacementStrategy.random, .roundRobin, .leastConnections], [3, 14])
    func simulationsMeetTheClosedForms(strategy: PlacementStrategy, readers: Int) throws {
        let names = AssignmentSimulation.readerNames(readers)
        let runs = (1...20).map { seed in
            AssignmentSimulation(viewers: Self.small, seed: UInt64(seed)).assign(strategy, readers: names).outcome()
        }
        let predicted = try #require(
            SpreadModel.predict(strategy, sizes: ChannelSizes(viewers: Self.small), readers: readers))
        func mean(_ value: (SpreadOutcome) -> Double) -> Double { runs.reduce(0) { $0 + value($1) } / 20 }
        #expect(abs(mean(\.amplification) / predicted.amplification - 1) < 0.01)
        #expect(abs(mean(\.weightedAmplification) / predicted.weightedAmplification - 1) < 0.01)
        #expect(abs(mean(\.spread) - predicted.spread) < 0.01)
        #expect(abs(mean(\.loadMaxOverMean) - predicted.loadMaxOverMean) < 0.02)
    }

    @Test func rendezvousImbalanceMeetsItsClosedForm() {
        // Equal channels, so that the normal limit holds: 2,000 pieces on 10 Readers.
        let viewers = Array(repeating: 5, count: 2000)
        let names = AssignmentSimulation.readerNames(10)
        let loads = (1...30).map {
            AssignmentSimulation(viewers: viewers, seed: UInt64($0)).assign(.rendezvous, readers: names).loadMaxOverMean
        }
        let predicted = SpreadModel.rendezvous(sizes: ChannelSizes(viewers: viewers), readers: 10)
        #expect(abs(loads.reduce(0, +) / 30 - predicted.loadMaxOverMean) < 0.02)
        #expect(predicted.loadMaxOverMean > 1.08)
    }

    @Test func rendezvousFollowsNames() {
        let names = (0..<200).map { "video:v\($0)" }
        let readers = AssignmentSimulation.readerNames(5)
        let assignment = AssignmentSimulation(viewers: Self.small, names: names, seed: 1).assign(
            .rendezvous, readers: readers)
        for channel in 0..<200 {
            let reader = assignment.parts(ofChannel: channel).first.map { readers[Int($0.reader)] }
            #expect(reader == Rendezvous.order(channel: names[channel], readers: readers)[0])
        }
    }

    @Test(arguments: [5, 14, 40]) func overflowBalancesAndHardlyAmplifies(readers: Int) {
        let viewers = makeZipf(channels: 9000, viewers: 200_000)
        for seed in 1...5 {
            let outcome = AssignmentSimulation(viewers: viewers, seed: UInt64(seed))
                .assign(.overflow, readers: AssignmentSimulation.readerNames(readers)).outcome()
            #expect(outcome.amplification <= 1.1)
            #expect(outcome.loadMaxOverMean <= 1.25 + 1e-3)
            // The hottest channel has more than a fair share at 40 Readers, and must be split.
            #expect(readers < 40 || outcome.weightedAmplification > 1.5)
            let random = SpreadModel.random(sizes: ChannelSizes(viewers: viewers), readers: readers)
            #expect(outcome.weightedAmplification < random.weightedAmplification / 3)
        }
    }

    @Test func overflowSplitsAHotChannelAlongItsOrder() {
        let names = ["video:hot"] + (0..<99).map { "video:c\($0)" }
        let viewers = [9000] + Array(repeating: 10, count: 99)
        let readers = AssignmentSimulation.readerNames(4)
        let assignment = AssignmentSimulation(viewers: viewers, names: names, seed: 1).assign(
            .overflow, readers: readers)
        #expect(assignment.parts(ofChannel: 0).count == 4)
        #expect((1..<100).allSatisfy { assignment.parts(ofChannel: $0).count == 1 })
        #expect(assignment.loads.max() ?? 0 <= 3122)
        let few = AssignmentSimulation(viewers: [1500, 1000, 900, 800, 700, 600, 500], names: nil, seed: 1)
            .assign(.overflow, readers: AssignmentSimulation.readerNames(2))
        #expect(few.loadMaxOverMean <= 1.25)
    }

    @Test func nobodyIsTurnedAway() {
        let tight = PlacementLimits(loadFactor: 1.0001, shedFactor: 1, partFraction: 0.01, partMin: 1, loadMin: 1)
        let assignment = AssignmentSimulation(viewers: [7, 11, 100_000], seed: 1, limits: tight)
            .assign(.overflow, readers: AssignmentSimulation.readerNames(3))
        #expect(assignment.loads.reduce(0, +) == 100_018)
        #expect(AssignmentSimulation(viewers: [3], seed: 1).assign(.overflow, readers: []).channels == 0)
    }

    /// What the order of hot channels before cold ones is worth: the same bound without it costs a second subscription
    /// for every channel that meets a full Reader.
    @Test func boundedLoadAloneBalancesAndAmplifies() {
        let viewers = makeZipf(channels: 3000, viewers: 60_000)
        let readers = AssignmentSimulation.readerNames(14)
        for seed in 1...3 {
            let simulation = AssignmentSimulation(viewers: viewers, seed: UInt64(seed))
            let bounded = simulation.assignBounded(loadFactor: 1.25, readers: readers)
            #expect(bounded.loads.reduce(0, +) == 60_000)
            #expect(bounded.loadMaxOverMean <= 1.25 + 1e-3)
            let placed = (0..<3000).map { bounded.parts(ofChannel: $0).reduce(0) { $0 + Int($1.viewers) } }
            #expect(placed == viewers)
            let overflow = simulation.assign(.overflow, readers: readers)
            #expect(bounded.outcome().amplification > 1.2)
            #expect(overflow.outcome().amplification < 1.01)
            #expect(bounded == simulation.assignBounded(loadFactor: 1.25, readers: readers))
        }
        #expect(AssignmentSimulation(viewers: [3], seed: 1).assignBounded(loadFactor: 1.25, readers: []).channels == 0)
    }
}
