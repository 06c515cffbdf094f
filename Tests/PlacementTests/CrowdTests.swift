import Audience
import Testing

@testable import Placement

/// Readers and their boards while a whole audience comes, without sockets and clocks.
private struct Readers {
    let names: [String]
    var boards: [PlacementBoard]
    var viewers: [[String: Int]]
    var full: [[String]]

    init(_ count: Int) {
        names = AssignmentSimulation.readerNames(count)
        boards = names.map { _ in PlacementBoard(policy: PlacementPolicy(.overflow)) }
        viewers = names.map { _ in [:] }
        full = names.map { _ in [] }
        announce(views())
    }

    func views() -> [ReaderView] {
        names.indices.map {
            ReaderView(id: names[$0], connections: viewers[$0].values.reduce(0, +), fullChannels: Set(full[$0]))
        }
    }

    /// All see the numbers of `moment`, and the others' full channels of the moment before.
    mutating func announce(_ moment: [ReaderView]) {
        for index in names.indices {
            boards[index].announced(moment)
            full[index] = FullChannels.names(
                viewers: viewers[index].map { ($0.key, $0.value) }, connections: moment[index].connections,
                mean: ReaderViews(moment).mean)
        }
    }

    mutating func come(_ channel: String, _ draws: inout Xoshiro256) {
        var at = draws.below(names.count)
        var hops = 0
        while case .redirect(let id) = boards[at].place(
            channel: channel, at: names[at], hops: hops, isClosed: false, turn: draws.next()), hops < 9
        {
            at = names.firstIndex(of: id) ?? 0
            hops += 1
        }
        viewers[at][channel, default: 0] += 1
    }

    var amplification: Double {
        Double(viewers.reduce(0) { $0 + $1.count }) / Double(Set(viewers.flatMap(\.keys)).count)
    }

    var maxOverMean: Double {
        let loads = views().map(\.connections)
        return Double((loads.max() ?? 0) * loads.count) / Double(max(loads.reduce(0, +), 1))
    }
}

@Suite struct CrowdTests {
    /// A whole audience of Zipf 1.0 within few views is the worst that can come: everybody places by counts of its own.
    @Test(arguments: [4, 6, 14], [2, 5, 40]) func aCrowdIsPlacedBeforeTheNextView(_ count: Int, _ views: Int) {
        let (channels, total) = (150 * count, 1_500 * count)
        let harmonic = (1...channels).reduce(0) { $0 + 1 / Double($1) }
        var order = (1...channels).flatMap { channel in
            Array(repeating: "video:v\(channel)", count: max(1, Int(Double(total) / Double(channel) / harmonic)))
        }
        var draws = Xoshiro256(seed: 11)
        draws.permute(&order)
        var readers = Readers(count)
        let step = order.count / views
        // A moment, and a tenth of the time later its announcements.
        var moment: [ReaderView] = []
        for (index, channel) in order.enumerated() {
            if index % step == step - 1 {
                moment = readers.views()
                for reader in readers.boards.indices { readers.boards[reader].moment() }
            }
            if index > step, index % step == step / 10 { readers.announce(moment) }
            readers.come(channel, &draws)
        }
        #expect(readers.amplification < 1.15, "amplification \(readers.amplification)")
        #expect(readers.maxOverMean < 1.3, "max/mean \(readers.maxOverMean)")
    }

    /// The promise is less than a millisecond; 20 Readers, and a debug build on a busy machine.
    @Test func aPlaceIsFoundInLessThanAMillisecond() {
        var readers = Readers(20)
        var draws = Xoshiro256(seed: 3)
        let start = ContinuousClock.now
        for index in 0..<2_000 { readers.come("video:v\(index % 500)", &draws) }
        // Each comes by two Readers.
        #expect((ContinuousClock.now - start) / 2_000 < .milliseconds(2))
    }
}

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
