import Audience
import Testing

@testable import Placement

@Suite struct PolicyTests {
    let channel = "video:v1"
    let names = AssignmentSimulation.readerNames(4)
    var order: [String] { Rendezvous.order(channel: channel, readers: names) }

    func makeViews(_ change: (inout ReaderView) -> Void = { _ in }) -> ReaderViews {
        ReaderViews(
            names.map { id in
                var reader = ReaderView(id: id, connections: 1000)
                change(&reader)
                return reader
            })
    }

    @Test func overflowTakesTheFirstOfTheOrder() {
        let policy = PlacementPolicy(.overflow)
        #expect(policy.choose(for: channel, in: makeViews())?.id == order[0])
        #expect(policy.candidates(for: channel, in: makeViews()).map(\.id) == order)
    }

    /// The place in the order of the Reader that is chosen when the first one is changed, after all were.
    func chosen(
        _ strategy: PlacementStrategy = .overflow, limits: PlacementLimits = .standard,
        all: (inout ReaderView) -> Void = { _ in }, first: (inout ReaderView) -> Void
    ) -> Int? {
        let views = makeViews { reader in
            all(&reader)
            if reader.id == order[0] { first(&reader) }
        }
        return PlacementPolicy(strategy, limits: limits).choose(for: channel, in: views)
            .flatMap { order.firstIndex(of: $0.id) }
    }

    @Test func overflowPassesOverWhoDrainsIsFullOrLoaded() {
        #expect(chosen { $0.isDraining = true } == 1 && chosen { $0.fullChannels = [channel] } == 1)
        #expect(chosen { $0.connections = 1400 } == 1)
        let other = "video:other"
        let full = makeViews { if $0.id == order[0] { $0.fullChannels = [channel] } }
        let first = Rendezvous.order(channel: other, readers: names)[0]
        #expect(PlacementPolicy(.overflow).choose(for: other, in: full)?.id == first)
    }

    /// mean = 4301/4 = 1075.25, bound = ceil(1344.06) = 1345: 1344 is taken, 1345 is not.
    @Test func theBoundIsCTimesTheMean() {
        #expect(chosen { $0.connections = 1300 } == 0 && chosen { $0.connections = 1380 } == 1)
        #expect(chosen(limits: PlacementLimits(loadFactor: 1.5)) { $0.connections = 1380 } == 0)
        #expect(chosen(all: { $0.connections = 0 }, first: { $0.connections = 50 }) == 0, "small numbers")
        #expect(chosen(all: { $0.fullChannels = [channel] }, first: { $0.connections = 3000 }) == 1, "all are full")
    }

    @Test func rendezvousLooksAtNothingButDraining() {
        #expect(chosen(.rendezvous, all: { $0.fullChannels = [channel] }, first: { $0.connections = 100_000 }) == 0)
        #expect(chosen(.rendezvous) { $0.isDraining = true } == 1)
    }

    @Test func dealersDeal() {
        let views = makeViews { $0.connections = $0.id == "reader-2" ? 1 : 2 }
        #expect(PlacementPolicy(.leastConnections).choose(for: channel, in: views)?.id == "reader-2")
        let dealt = (0..<8).map { PlacementPolicy(.roundRobin).choose(for: channel, in: views, turn: $0)?.id }
        #expect(dealt == names + names)
    }

    @Test func aReaderServesItsOwnAndSendsOnOthers() {
        let policy = PlacementPolicy(.overflow)
        let views = makeViews()
        #expect(policy.decide(channel: channel, at: order[0], hops: 0, in: views) == .serve(.chosen))
        #expect(policy.decide(channel: channel, at: order[3], hops: 1, in: views) == .redirect(to: order[0]))
        #expect(policy.decide(channel: channel, at: order[3], hops: 2, in: views) == .serve(.hopsUsedUp))
        let here = policy.decide(channel: channel, at: order[3], hops: 0, mayRedirect: false, in: views)
        #expect(here == .serve(.notRedirected))
        let own = policy.decide(channel: channel, at: order[0], hops: 0, mayRedirect: false, in: views)
        #expect(own == .serve(.chosen))
        #expect(
            PlacementPolicy(.random).decide(channel: channel, at: order[3], hops: 0, in: views) == .serve(.anywhere))
    }

    @Test func withoutAnybodyElseAReaderServes() {
        let nobody = ReaderViews([])
        #expect(
            PlacementPolicy(.overflow).decide(channel: channel, at: "x", hops: 0, in: nobody) == .serve(.nobodyElse))
        #expect(PlacementPolicy(.random).choose(for: channel, in: nobody) == nil)
    }

    @Test(arguments: PlacementStrategy.allCases) func whenAllDrainThereIsAClearAnswer(strategy: PlacementStrategy) {
        let views = makeViews { $0.isDraining = true }
        let policy = PlacementPolicy(strategy)
        #expect(policy.decide(channel: channel, at: names[0], hops: 0, in: views) == .refuse(.draining))
        #expect(policy.decide(channel: channel, at: names[0], hops: 2, in: views) == .refuse(.draining))
    }

    @Test(arguments: PlacementStrategy.allCases) func redirectsEnd(strategy: PlacementStrategy) {
        var draws = Xoshiro256(seed: 11)
        let policy = PlacementPolicy(strategy)
        for _ in 0..<500 {
            var reader = names[draws.below(4)]
            var hops = 0
            while true {
                let stale = makeViews {
                    $0.connections = draws.below(3000)
                    $0.isDraining = draws.below(3) == 0
                    $0.fullChannels = draws.below(2) == 0 ? [channel] : []
                }
                let decision = policy.decide(channel: channel, at: reader, hops: hops, in: stale, turn: draws.next())
                guard case .redirect(let next) = decision else { break }
                #expect(next != reader)
                reader = next
                hops += 1
            }
            #expect(hops <= 2)
        }
    }

    @Test func ofTwoReadersWithOneIdTheLaterCounts() {
        let views = ReaderViews([ReaderView(id: "a", connections: 1), ReaderView(id: "a", connections: 5)])
        #expect(views.readers.count == 1 && views.connections == 5)
    }

    @Test func placedViewersCountAtOnce() {
        var views = makeViews()
        views.placed(on: "reader-2")
        views.placed(on: "nobody")
        #expect(views["reader-2"]?.connections == 1001 && views.connections == 4001)
    }
}

@Suite struct StrategyTests {
    @Test(arguments: PlacementStrategy.allCases) func namesAreReadBack(strategy: PlacementStrategy) throws {
        #expect(try PlacementStrategy.parse(strategy.description) == strategy)
    }

    @Test func errorsNameEveryStrategy() {
        #expect(throws: InvalidParameter.self) { try PlacementStrategy.parse("Random") }
        do {
            _ = try PlacementStrategy.parse("sticky")
        } catch {
            #expect(
                error.description == "placement is \"sticky\"; expected one of random, round-robin, least-connections, "
                    + "rendezvous, overflow")
        }
    }

    @Test func listsAreReadWithoutDoubles() throws {
        #expect(try PlacementStrategy.parseList("random,overflow,random") == [.random, .overflow])
        #expect(throws: InvalidParameter.self) { try PlacementStrategy.parseList("random,") }
    }
}

/// Who has another place after a Reader came or went, measured over 20,000 channels.
@Suite struct MovedShareTests {
    static let channels = (0..<20_000).map { "video:v\($0)" }

    func places(_ strategy: PlacementStrategy, _ readers: [ReaderView]) -> [String] {
        let (policy, views) = (PlacementPolicy(strategy), ReaderViews(readers))
        return Self.channels.map { policy.choose(for: $0, in: views)?.id ?? "" }
    }

    /// One of `count` Readers has its share of what moved, and nobody else has any.
    func expectMoved(_ before: [String], _ after: [String], of count: Int, isOwn: ((String, String)) -> Bool) {
        let moved = zip(before, after).filter { $0 != $1 }
        let share = Double(moved.count) / Double(before.count)
        let expected = 1 / Double(count)
        #expect(abs(share - expected) < 0.1 * expected, "moved \(share), 1/R is \(expected)")
        let strangers = moved.filter { !isOwn($0) }
        #expect(strangers.isEmpty)
    }

    @Test(arguments: [PlacementStrategy.rendezvous, .overflow], [3, 6, 14])
    func aReaderThatJoinsOrLeavesMovesItsShareAndNothingElse(_ strategy: PlacementStrategy, _ count: Int) {
        let readers = AssignmentSimulation.readerNames(count + 1).map { ReaderView(id: $0, connections: 1_000) }
        let (joins, leaves) = (readers[count].id, readers[0].id)
        let before = places(strategy, Array(readers[..<count]))
        expectMoved(before, places(strategy, readers), of: count + 1) { $1 == joins }
        expectMoved(before, places(strategy, Array(readers[1..<count])), of: count) { old, _ in old == leaves }
    }

    /// Loads as they are, and a new Reader without any: the old ones must not all be over the bound for it.
    @Test(arguments: [3, 4, 6, 14]) func aNewReaderIsNoReasonToLeaveTheOthers(_ count: Int) {
        let names = AssignmentSimulation.readerNames(count + 1)
        let loads = [1_000, 1_180, 850, 1_100, 930]
        let old = names.dropLast().enumerated().map { ReaderView(id: $1, connections: loads[$0 % loads.count]) }
        let before = places(.overflow, old)
        for connections in [0, 150, 600] {
            let after = places(.overflow, old + [ReaderView(id: names[count], connections: connections)])
            expectMoved(before, after, of: count + 1) { $1 == names[count] }
        }
    }
}
