import Audience
import Placement
import Testing

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

    @Test func overflowPassesOverWhoDrainsIsFullOrLoaded() {
        let policy = PlacementPolicy(.overflow)
        let draining = makeViews { $0.isDraining = $0.id == order[0] }
        #expect(policy.choose(for: channel, in: draining)?.id == order[1])
        let full = makeViews { if $0.id == order[0] { $0.fullChannels = [channel] } }
        #expect(policy.choose(for: channel, in: full)?.id == order[1])
        #expect(
            policy.choose(for: "video:other", in: full)?.id
                == Rendezvous.order(channel: "video:other", readers: names)[0])
        let loaded = makeViews { if $0.id == order[0] { $0.connections = 1400 } }
        #expect(policy.choose(for: channel, in: loaded)?.id == order[1])
    }

    /// mean = 4301/4 = 1075.25, bound = ceil(1344.06) = 1345: 1344 is taken, 1345 is not.
    @Test func theBoundIsCTimesTheMean() {
        let policy = PlacementPolicy(.overflow)
        let under = makeViews { $0.connections = $0.id == order[0] ? 1300 : 1000 }
        #expect(policy.choose(for: channel, in: under)?.id == order[0])
        let over = makeViews { $0.connections = $0.id == order[0] ? 1380 : 1000 }
        #expect(policy.choose(for: channel, in: over)?.id == order[1])
        let lenient = PlacementPolicy(.overflow, limits: PlacementLimits(loadFactor: 1.5))
        #expect(lenient.choose(for: channel, in: over)?.id == order[0])
    }

    @Test func smallNumbersAreNeverTooMuch() {
        let few = makeViews { $0.connections = $0.id == order[0] ? 50 : 0 }
        #expect(PlacementPolicy(.overflow).choose(for: channel, in: few)?.id == order[0])
    }

    @Test func whenAllAreFullTheBoundStillHolds() {
        let full = makeViews {
            $0.fullChannels = [channel]
            if $0.id == order[0] { $0.connections = 3000 }
        }
        #expect(PlacementPolicy(.overflow).choose(for: channel, in: full)?.id == order[1])
    }

    @Test func rendezvousLooksAtNothingButDraining() {
        let policy = PlacementPolicy(.rendezvous)
        let views = makeViews {
            $0.fullChannels = [channel]
            if $0.id == order[0] { $0.connections = 100_000 }
        }
        #expect(policy.choose(for: channel, in: views)?.id == order[0])
        let draining = makeViews { $0.isDraining = $0.id == order[0] }
        #expect(policy.choose(for: channel, in: draining)?.id == order[1])
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
        #expect(
            PlacementPolicy(.random).decide(channel: channel, at: order[3], hops: 0, in: views) == .serve(.anywhere))
    }

    @Test func withoutAnybodyElseAReaderServes() {
        #expect(
            PlacementPolicy(.overflow).decide(channel: channel, at: "x", hops: 0, in: ReaderViews([]))
                == .serve(.nobodyElse))
        #expect(PlacementPolicy(.random).choose(for: channel, in: ReaderViews([])) == nil)
    }

    @Test(arguments: PlacementStrategy.allCases) func whenAllDrainThereIsAClearAnswer(strategy: PlacementStrategy) {
        let views = makeViews { $0.isDraining = true }
        let policy = PlacementPolicy(strategy)
        #expect(policy.decide(channel: channel, at: names[0], hops: 0, in: views) == .refuse(.draining))
        #expect(policy.decide(channel: channel, at: names[0], hops: 2, in: views) == .refuse(.draining))
    }

    /// Whatever the Readers believe, each with a view of its own, a viewer ends somewhere after two redirects at most.
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
        #expect(views.readers.count == 1)
        #expect(views.connections == 5)
    }

    @Test func placedViewersCountAtOnce() {
        var views = makeViews()
        views.placed(on: "reader-2")
        views.placed(on: "nobody")
        #expect(views["reader-2"]?.connections == 1001)
        #expect(views.connections == 4001)
    }
}
