import Placement
import Testing
import Wire

@testable import Fanout

@Suite struct CarouselTests {
    private func log(_ offset: UInt64) -> Frame {
        Frame(Array("\(offset) ".utf8), kind: .log(Position(offset: offset, epoch: "e")))
    }

    private func state(_ value: Int) -> Frame { Frame(Array("event: likes\n\(value) ".utf8), kind: .state) }

    /// Plays the loop: passes seats and keeps what each viewer got, without the chunk's framing.
    private struct Rider {
        var carousel = Carousel()
        var received: [ViewerID: String] = [:]
        var writes = 0

        mutating func pass(_ seats: Int) {
            if !carousel.isMidLap { carousel.beginLap() }
            _ = carousel.pass(seats: seats) { viewer, chunk, _ in
                writes += 1
                let body = chunk.drop { $0 != UInt8(ascii: "\n") }.dropFirst().dropLast(2)
                received[viewer, default: ""] += String(decoding: body, as: UTF8.self)
            }
        }

        mutating func finish() {
            while carousel.hasWork { pass(3) }
        }
    }

    @Test func aFrameThatComesInTheMiddleOfALapIsWithEverybodyOneLapLater() {
        var rider = Rider()
        for viewer in 0..<10 { _ = rider.carousel.add(ViewerID(viewer)) }
        _ = rider.carousel.append(log(1))
        rider.pass(6)
        _ = rider.carousel.append(log(2))
        rider.pass(4)
        rider.pass(6)
        #expect(!rider.carousel.hasWork)
        #expect(rider.received.values.allSatisfy { $0 == "1 2 " })
        // Four were not there yet when the second came, and got both in one write.
        #expect(rider.writes == 16)
        #expect(rider.carousel.bytes == 0)
    }

    @Test func whoComesInTheMiddleOfALapGetsOnlyWhatComesAfterIt() {
        var rider = Rider()
        for viewer in 0..<5 { _ = rider.carousel.add(ViewerID(viewer)) }
        _ = rider.carousel.append(log(1))
        rider.pass(2)
        _ = rider.carousel.add(77)
        _ = rider.carousel.append(log(2))
        rider.finish()
        #expect(rider.received[77] == "2 ")
        #expect(rider.received[4] == "1 2 ")
    }

    @Test func aStateThatSomebodyDidNotGetIsReplaced() {
        var rider = Rider()
        for viewer in 0..<4 { _ = rider.carousel.add(ViewerID(viewer)) }
        let first = rider.carousel.append(state(1))
        rider.pass(2)
        let second = rider.carousel.append(state(2))
        rider.finish()
        #expect(rider.received[0] == "event: likes\n1 event: likes\n2 ")
        #expect(rider.received[3] == "event: likes\n2 ")
        let third = rider.carousel.append(state(3))
        #expect([first, second, third] == [false, true, false])
    }

    @Test func framesAreForgottenAfterTwoLapsAlsoWhenMoreKeepComing() {
        var rider = Rider()
        for viewer in 0..<8 { _ = rider.carousel.add(ViewerID(viewer)) }
        for offset in 1...500 {
            _ = rider.carousel.append(log(UInt64(offset)))
            rider.pass(2)
            #expect(rider.carousel.bytes <= 4 * 9)
        }
    }

    @Test func nothingIsKeptForNobody() {
        var carousel = Carousel()
        _ = carousel.append(log(1))
        #expect(!carousel.hasWork && carousel.bytes == 0)
        let seat = carousel.add(1)
        _ = carousel.append(log(2))
        carousel.remove(at: Int(seat)) { _, _ in }
        #expect(!carousel.hasWork && carousel.bytes == 0)
    }

    /// Whoever comes and goes while laps are under way: nobody is missed, nobody gets anything twice.
    @Test(arguments: 0..<100)
    func randomComingAndGoing(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var rider = Rider()
        var places: [ViewerID: UInt32] = [:]
        var owed: [ViewerID: String] = [:]
        var offset: UInt64 = 0
        for viewer in 0..<600 {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<3:
                let id = ViewerID(viewer)
                places[id] = rider.carousel.add(id)
                owed[id] = ""
            case 3..<5:
                guard let id = places.keys.sorted().randomElement(using: &generator), let place = places[id] else {
                    break
                }
                var moves: [(ViewerID, UInt32)] = []
                rider.carousel.remove(at: Int(place)) { moves.append(($0, $1)) }
                for (other, index) in moves { places[other] = index }
                places[id] = nil
                owed[id] = nil
            case 5..<7:
                offset += 1
                _ = rider.carousel.append(log(offset))
                for id in owed.keys { owed[id]? += "\(offset) " }
            default:
                rider.pass(Int.random(in: 1...6, using: &generator))
            }
        }
        rider.finish()
        #expect(rider.carousel.bytes == 0)
        for (id, expected) in owed {
            #expect(rider.received[id, default: ""] == expected, "seed \(seed), viewer \(id)")
        }
    }
}
