import Audience
import Placement
import Testing

/// Viewers that come one by one in random order, placed by the live rule on announcements of the recent past.
@Suite struct ArrivalOrderTests {
    struct Crowd {
        let names: [String]
        let viewers: [Int]
        var counts: [[Int: Int]]
        var loads: [Int]

        init(viewers: [Int], readers: Int) {
            self.viewers = viewers
            names = viewers.indices.map { "video:v\($0 + 1)" }
            counts = Array(repeating: [:], count: readers)
            loads = Array(repeating: 0, count: readers)
        }

        func announce() -> ReaderViews {
            let mean = Double(loads.reduce(0, +)) / Double(loads.count)
            return ReaderViews(
                loads.indices.map { reader in
                    let full = FullChannels.names(
                        viewers: counts[reader].map { (names[$0.key], $0.value) }, connections: loads[reader],
                        mean: mean)
                    return ReaderView(id: "reader-\(reader + 1)", connections: loads[reader], fullChannels: Set(full))
                })
        }

        mutating func arrive(announcements: Int, seed: UInt64) throws {
            var arrivals = viewers.enumerated().flatMap { Array(repeating: $0, count: $1) }
            var draws = Xoshiro256(seed: seed)
            draws.permute(&arrivals)
            let policy = PlacementPolicy(.overflow)
            var views = announce()
            for (index, channel) in arrivals.enumerated() {
                if index % (arrivals.count / announcements) == 0 { views = announce() }
                let chosen = try #require(policy.choose(for: names[channel], in: views)?.id)
                let reader = try #require(Int(chosen.dropFirst("reader-".count))) - 1
                counts[reader][channel, default: 0] += 1
                loads[reader] += 1
            }
        }

        var amplification: Double {
            Double(counts.reduce(0) { $0 + $1.count }) / Double(viewers.count)
        }
        var loadMaxOverMean: Double {
            Double((loads.max() ?? 0) * loads.count) / Double(loads.reduce(0, +))
        }
    }

    @Test func theLiveRuleComesNearItsRestingPoint() throws {
        let audience = try Audience(.zipf(exponent: 1), channels: 1000, viewers: 20000, seed: 1)
        var crowd = Crowd(viewers: audience.viewers, readers: 10)
        try crowd.arrive(announcements: 300, seed: 1)
        #expect(crowd.amplification <= 1.1)
        #expect(crowd.loadMaxOverMean <= 1.25)
        let model = AssignmentSimulation(viewers: crowd.viewers, names: crowd.names, seed: 1)
            .assign(.overflow, readers: AssignmentSimulation.readerNames(10)).outcome()
        #expect(abs(crowd.amplification - model.amplification) < 0.1)
        #expect(abs(crowd.loadMaxOverMean - model.loadMaxOverMean) < 0.1)
    }
}
