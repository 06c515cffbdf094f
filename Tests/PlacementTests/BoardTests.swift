import Audience
import Testing

@testable import Placement

@Suite struct BoardTests {
    let names = AssignmentSimulation.readerNames(5)

    func makeBoard(_ strategy: PlacementStrategy = .overflow, connections: Int = 0) -> PlacementBoard {
        var board = PlacementBoard(policy: PlacementPolicy(strategy))
        board.announced(names.map { ReaderView(id: $0, connections: connections) })
        return board
    }

    @Test func aHotChannelSpillsBeforeItsReaderSaysThatItIsFull() {
        var board = makeBoard(connections: 100)
        let order = Rendezvous.order(channel: "video:hot", readers: names)
        var places: [String: Int] = [:]
        for _ in 0..<400 {
            switch board.place(channel: "video:hot", at: order[4], hops: 0, isClosed: false, turn: 0) {
            case .redirect(let id): places[id, default: 0] += 1
            case .serve: places[order[4], default: 0] += 1
            case .refuse: Issue.record("nobody is turned away")
            }
        }
        #expect(places[order[0], default: 0] < 140)
        #expect(places.count >= 4)
        // A cold channel is welcome at the same Reader meanwhile.
        let cold = (0...).lazy.map { "video:c\($0)" }.first {
            Rendezvous.order(channel: $0, readers: names)[0] == order[0]
        }
        #expect(board.locate(channel: cold ?? "", at: order[4], isClosed: false, turn: 0)?.id == order[0])
    }

    /// Those who were sent here by another Reader were counted there. Counting them again, here alone, makes a Reader
    /// too loaded in its own eyes.
    @Test func onlyTheFirstReaderThatIsAskedCounts() {
        var board = makeBoard(connections: 200)
        let own = Rendezvous.order(channel: "video:v", readers: names)[0]
        for _ in 0..<1_000 { _ = board.place(channel: "video:v", at: own, hops: 1, isClosed: false, turn: 0) }
        #expect(board.views.connections == 1_000)
        #expect(board.place(channel: "video:v", at: own, hops: 0, isClosed: false, turn: 0) == .serve(.chosen))
        #expect(board.views.connections == 1_001)
    }

    @Test func aCountedViewerStandsForThoseWhoAskedOthers() {
        var board = makeBoard(connections: 0)
        for index in 0..<100 {
            _ = board.place(channel: "video:\(index)", at: names[0], hops: 0, isClosed: false, turn: 0)
        }
        #expect(board.weight == 1)
        // All five Readers were asked alike: 500 have come.
        board.announced(names.map { ReaderView(id: $0, connections: 100) })
        #expect(board.weight == 5)
        _ = board.place(channel: "video:1", at: names[0], hops: 0, isClosed: false, turn: 0)
        #expect(board.views.connections == 505)
        // Too few to learn from.
        board.announced(names.map { ReaderView(id: $0, connections: 100) })
        #expect(board.weight == 5)
    }

    /// Announcements take a while: who is placed meanwhile is in none of them.
    @Test func whoCameAfterTheMomentIsCountedOnTopOfItsAnnouncements() {
        var board = makeBoard(connections: 0)
        for index in 0..<60 {
            if index == 40 { board.moment() }
            _ = board.place(channel: "video:\(index)", at: names[0], hops: 0, isClosed: false, turn: 0)
        }
        // Of 40 counted ones 80 came; 20 more stand for 40.
        board.announced(names.map { ReaderView(id: $0, connections: 16) })
        #expect(board.weight == 2 && board.views.connections == 120)
        // A second look at the same moment keeps them.
        board.moment()
        board.announced(names.map { ReaderView(id: $0, connections: 24) })
        #expect(board.views.connections == 120 && board.weight == 2)
    }

    @Test func aClosedReaderSendsOnAndServesNobody() {
        var board = makeBoard()
        let own = Rendezvous.order(channel: "video:v", readers: names)
        #expect(board.place(channel: "video:v", at: own[0], hops: 0, isClosed: true, turn: 0) == .redirect(to: own[1]))
        #expect(board.place(channel: "video:v", at: own[0], hops: 2, isClosed: true, turn: 0) == .refuse(.draining))
        let stays = board.place(channel: "video:v", at: own[0], hops: 0, mayRedirect: false, isClosed: true, turn: 0)
        #expect(stays == .refuse(.draining))
        board.announced(names.map { ReaderView(id: $0, isDraining: true) })
        #expect(board.place(channel: "video:v", at: own[0], hops: 0, isClosed: true, turn: 0) == .refuse(.draining))
        // One that nobody knows, because its id belongs to somebody else.
        board.announced(names.map { ReaderView(id: $0) })
        #expect(board.place(channel: "video:v", at: "", hops: 0, isClosed: true, turn: 0) == .redirect(to: own[0]))
        #expect(board.place(channel: "video:v", at: "", hops: 2, isClosed: false, turn: 0) == .serve(.hopsUsedUp))
    }

    @Test func aViewerGoesWhereTheChannelGoesWithoutTheReaderThatItCannotReach() {
        var board = makeBoard(connections: 100)
        let order = Rendezvous.order(channel: "video:v", readers: names)
        for hops in 0..<2 {
            let sent = board.place(
                channel: "video:v", at: order[3], hops: hops, isClosed: false, avoiding: order[0], turn: 0)
            #expect(sent == .redirect(to: order[1]))
        }
        let served = board.place(
            channel: "video:v", at: order[1], hops: 0, isClosed: false, avoiding: order[0], turn: 0)
        #expect(served == .serve(.chosen))
        let closed = board.place(
            channel: "video:v", at: order[1], hops: 0, isClosed: true, avoiding: order[0], turn: 0)
        #expect(closed == .redirect(to: order[2]))
        let located = board.locate(channel: "video:v", at: order[3], isClosed: false, avoiding: order[0], turn: 0)
        #expect(located?.id == order[1])
        #expect(board.views[order[1]]?.connections == 102, "counted where they go")
        // Whoever does not say so is sent there still.
        let other = board.place(channel: "video:v", at: order[3], hops: 0, isClosed: false, turn: 0)
        #expect(other == .redirect(to: order[0]))
    }

    @Test(arguments: PlacementStrategy.allCases) func neverMoreThanTwoHops(_ strategy: PlacementStrategy) {
        var draws = Xoshiro256(seed: 7)
        for _ in 0..<2_000 {
            // Every Reader has a view of its own, and none of them fits the others.
            var boards = names.map { _ in
                var board = PlacementBoard(policy: PlacementPolicy(strategy))
                board.announced(
                    names.filter { _ in draws.below(3) > 0 }.map {
                        ReaderView(id: $0, connections: draws.below(2_000), isDraining: draws.below(4) == 0)
                    })
                return board
            }
            var at = draws.below(names.count)
            var hops = 0
            while case .redirect(let id) = boards[at].place(
                channel: "video:v", at: names[at], hops: hops, isClosed: false, turn: draws.next())
            {
                hops += 1
                at = names.firstIndex(of: id) ?? 0
            }
            #expect(hops <= 2)
        }
    }

    @Test func reasonsNameTheCause() {
        let policy = PlacementPolicy(.overflow)
        let order = Rendezvous.order(channel: "video:v", readers: names)
        func reason(at id: String, isClosed: Bool = false, full: Bool = false) -> RedirectReason {
            let views = ReaderViews(names.map { ReaderView(id: $0, fullChannels: full && $0 == id ? ["video:v"] : []) })
            return policy.reason(channel: "video:v", at: id, isClosed: isClosed, in: views)
        }
        #expect(reason(at: order[1]) == .elsewhere && reason(at: order[0]) == .overloaded)
        #expect(reason(at: order[0], full: true) == .channelFull)
        #expect(reason(at: order[0], isClosed: true, full: true) == .closed)
    }
}

@Suite struct FullChannelsTests {
    func names(_ viewers: [Int], mean: Double, limits: PlacementLimits = .standard) -> [String] {
        FullChannels.names(
            viewers: viewers.enumerated().map { ("c\($0)", $1) }, connections: viewers.reduce(0, +), mean: mean,
            limits: limits)
    }

    @Test func aChannelIsFullAtItsPartOfAReader() {
        // Half of 1,000.
        #expect(names([500, 499, 1], mean: 1000) == ["c0"] && names([499, 499, 2], mean: 1000) == [])
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
