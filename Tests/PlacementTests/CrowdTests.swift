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
