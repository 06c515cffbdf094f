import Placement
import Testing
import Wire

@testable import Fanout

@Suite struct BroadcastRingTests {
    /// Plays the loop: passes members and keeps what each viewer got, without the chunk's framing.
    private struct Player {
        var ring = BroadcastRing()
        var received: [ViewerID: String] = [:]
        var writes = 0

        init(viewers: Range<ViewerID> = 0..<0) {
            for viewer in viewers { _ = ring.add(viewer) }
        }

        mutating func append(_ offsets: UInt64...) {
            for offset in offsets { _ = ring.append(log(offset)) }
        }

        mutating func pass(_ members: Int) {
            if !ring.isMidRound { ring.startRound() }
            _ = ring.pass(members: members) { viewer, portion in
                writes += 1
                let body = portion.chunk().drop { $0 != UInt8(ascii: "\n") }.dropFirst().dropLast(2)
                received[viewer, default: ""] += String(decoding: body, as: UTF8.self)
            }
        }

        mutating func finish() {
            while ring.hasWork { pass(3) }
        }
    }

    @Test func everybodyHasAFrameOneRoundAfterItCame() {
        var player = Player(viewers: 0..<10)
        player.append(1)
        player.pass(6)
        player.append(2)
        player.pass(4)
        player.pass(6)
        #expect(!player.ring.hasWork && player.received.values.allSatisfy { $0 == "1e 2e " })
        // Four were not there yet when the second came, and got both in one write.
        #expect(player.writes == 16 && player.ring.bytes == 0)
    }

    @Test func aMemberThatJoinsInTheMiddleOfARoundGetsOnlyLaterFrames() {
        var player = Player(viewers: 0..<5)
        player.append(1)
        player.pass(2)
        _ = player.ring.add(77)
        player.append(2)
        player.finish()
        #expect(player.received[77] == "2e " && player.received[4] == "1e 2e ")
    }

    @Test func aStateThatSomebodyDidNotGetIsReplaced() {
        var player = Player(viewers: 0..<4)
        let first = player.ring.append(state("likes", 1))
        player.pass(2)
        let second = player.ring.append(state("likes", 2))
        player.finish()
        #expect(player.received[0] == "event: likes\ndata: 1\n\nevent: likes\ndata: 2\n\n")
        #expect(player.received[3] == "event: likes\ndata: 2\n\n")
        let third = player.ring.append(state("likes", 3))
        #expect([first, second, third] == [false, true, false])
    }

    @Test func framesAreForgottenAfterTwoRoundsAlsoWhenMoreKeepComing() {
        var player = Player(viewers: 0..<8)
        for offset in 1...500 {
            _ = player.ring.append(log(UInt64(offset)))
            player.pass(2)
            #expect(player.ring.bytes <= 4 * 10)
        }
    }

    @Test func nothingIsKeptForNobody() {
        var ring = BroadcastRing()
        _ = ring.append(log(1))
        #expect(!ring.hasWork && ring.bytes == 0)
        let index = ring.add(1)
        _ = ring.append(log(2))
        ring.remove(at: Int(index)) { _, _ in }
        #expect(!ring.hasWork && ring.bytes == 0)
    }

    /// Members join and leave while rounds are under way: nobody is missed, nobody gets anything twice.
    @Test(arguments: 0..<100)
    func randomJoinsAndLeaves(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var player = Player()
        var places: [ViewerID: UInt32] = [:]
        var owed: [ViewerID: String] = [:]
        var offset: UInt64 = 0
        for viewer in 0..<600 {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<3:
                let id = ViewerID(viewer)
                places[id] = player.ring.add(id)
                owed[id] = ""
            case 3..<5:
                guard let id = places.keys.sorted().randomElement(using: &generator), let place = places[id] else {
                    break
                }
                var moves: [(ViewerID, UInt32)] = []
                player.ring.remove(at: Int(place)) { moves.append(($0, $1)) }
                for (other, index) in moves { places[other] = index }
                places[id] = nil
                owed[id] = nil
            case 5..<7:
                offset += 1
                player.append(offset)
                for id in owed.keys { owed[id]? += "\(offset)e " }
            default:
                player.pass(Int.random(in: 1...6, using: &generator))
            }
        }
        player.finish()
        #expect(player.ring.bytes == 0)
        for (id, expected) in owed {
            #expect(player.received[id, default: ""] == expected, "seed \(seed), viewer \(id)")
        }
    }
}
