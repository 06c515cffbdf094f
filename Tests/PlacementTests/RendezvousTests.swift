import Audience
import Placement
import Testing

@Suite struct RendezvousTests {
    let readers = AssignmentSimulation.readerNames(8)

    @Test func orderDoesNotDependOnTheOrderOfReaders() {
        var draws = Xoshiro256(seed: 1)
        for channel in 0..<50 {
            var mixed = readers
            draws.permute(&mixed)
            let name = "video:v\(channel)"
            let expected = Rendezvous.order(channel: name, readers: readers)
            #expect(Rendezvous.order(channel: name, readers: mixed) == expected)
        }
    }

    @Test func aReaderThatLeavesMovesOnlyItsOwnChannels() {
        let left = readers.filter { $0 != "reader-3" }
        for channel in 0..<500 {
            let before = Rendezvous.order(channel: "video:v\(channel)", readers: readers)
            #expect(Rendezvous.order(channel: "video:v\(channel)", readers: left) == before.filter { $0 != "reader-3" })
        }
    }

    @Test func firstIsTheFirstOfTheOrder() {
        let hashes = readers.map { StableHash.of($0) }
        for channel in 0..<500 {
            let hash = StableHash.of("video:v\(channel)")
            #expect(
                Rendezvous.first(channel: hash, readers: hashes) == Rendezvous.order(channel: hash, readers: hashes)[0])
        }
        #expect(Rendezvous.first(channel: 1, readers: []) == nil)
    }

    @Test func equalWeightsGoToTheSmallerIndex() {
        #expect(Rendezvous.order(channel: 9, readers: [5, 5, 5]) == [0, 1, 2])
        #expect(Rendezvous.first(channel: 9, readers: [5, 5, 5]) == 0)
    }

    /// Every place in the order is even over the Readers, and neighbouring names do not go together.
    @Test func channelsSpreadEvenlyOverReaders() {
        let hashes = readers.map { StableHash.of($0) }
        var firsts = [Int](repeating: 0, count: 8)
        var pairs = [Int](repeating: 0, count: 64)
        for channel in 0..<16000 {
            let order = Rendezvous.order(channel: StableHash.of("video:v\(channel)"), readers: hashes)
            firsts[order[0]] += 1
            pairs[order[0] * 8 + order[1]] += 1
        }
        #expect(firsts.allSatisfy { abs($0 - 2000) < 200 })
        #expect(pairs.enumerated().allSatisfy { $0 % 9 == 0 ? $1 == 0 : abs($1 - 286) < 90 })
    }
}
