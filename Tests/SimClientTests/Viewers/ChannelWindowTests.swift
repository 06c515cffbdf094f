import Placement
import Testing

@testable import SimClient

@Suite struct ChannelWindowTests {
    @Test func aCommentIsCompleteWhenAllHaveIt() {
        var window = ChannelWindow(viewers: 3)
        window.received(1...4)
        window.received(1...2)
        #expect(window.takeCompleted() == 0)
        window.received(1...3)
        #expect(window.takeCompleted() == 2)
        #expect(window.takeCompleted() == 0)
        window.received(3...4)
        window.received(4...4)
        #expect(window.takeCompleted() == 2)
        for _ in 0..<3 { window.received(5...5) }
        #expect(window.takeCompleted() == 1)
    }

    @Test func beginsWhereverTheChannelStands() {
        var window = ChannelWindow(viewers: 1)
        window.received(1_000_000...1_000_001)
        #expect(window.takeCompleted() == 2)
        window.received(7...8)
        #expect(window.takeCompleted() == 0)
    }

    @Test func aJumpBeginsAnewAndTakesNoMemory() {
        var window = ChannelWindow(viewers: 2)
        window.received(1...2)
        window.received(1_000_000_001...1_000_000_002)
        window.received(1_000_000_001...1_000_000_002)
        #expect(window.takeCompleted() == 2)
    }

    @Test func withoutViewersNothingIsComplete() {
        var window = ChannelWindow(viewers: 0)
        window.received(1...1)
        #expect(window.takeCompleted() == 0)
    }

    @Test(arguments: 0..<50) func agreesWithCountingEachComment(seed: UInt64) {
        var draws = Xoshiro256(seed: seed, purpose: "window")
        let viewers = 1 + draws.below(8)
        var window = ChannelWindow(viewers: viewers)
        var reached = Array(repeating: 0, count: viewers)
        var completed = 0
        // Somebody has to be first at the beginning: offsets count from there.
        window.received(1...1)
        reached[0] = 1
        for _ in 0..<200 {
            let viewer = draws.below(viewers)
            let more = 1 + draws.below(5)
            window.received(UInt64(reached[viewer] + 1)...UInt64(reached[viewer] + more))
            reached[viewer] += more
            if draws.below(2) == 0 { completed += window.takeCompleted() }
        }
        completed += window.takeCompleted()
        #expect(completed == reached.min())
    }
}
