import Placement
import Primitives
import Testing

@Suite struct BackoffTests {
    @Test func boundDoublesUpToTheCap() {
        var backoff = Backoff(base: .milliseconds(50), cap: .milliseconds(300))
        var bounds: [Duration] = []
        for _ in 0..<5 {
            bounds.append(backoff.bound)
            _ = backoff.next()
        }
        #expect(bounds == [50, 100, 200, 300, 300].map { .milliseconds($0) })
        #expect(Backoff(base: .milliseconds(50), cap: .milliseconds(300), attempts: 2).bound == .milliseconds(200))
        #expect((1...5).map { backoff.bound(ofAttempt: $0) } == bounds)
        backoff.reset()
        #expect(backoff.bound == .milliseconds(50))
    }

    /// Full jitter: from zero to the bound, and spread over all of it.
    @Test func waitsAreSpreadOverTheWholeRange() {
        var generator = SplitMix64(seed: 1)
        var waits: [Duration] = []
        for _ in 0..<1000 {
            var backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
            waits.append(backoff.next(using: &generator))
        }
        #expect(waits.allSatisfy { $0 >= .zero && $0 <= .milliseconds(100) })
        #expect(waits.count { $0 < .milliseconds(25) } > 200)
        #expect(waits.count { $0 > .milliseconds(75) } > 200)
    }

    @Test func manyAttemptsDoNotOverflow() {
        var backoff = Backoff(base: .seconds(1), cap: .seconds(60))
        for _ in 0..<200 { _ = backoff.next() }
        #expect(backoff.bound == .seconds(60) && backoff.attempts == 200)
    }
}

@Suite struct DescriptorLimitTests {
    @Test func theSoftLimitIsWithinTheHardOne() {
        #expect((1...DescriptorLimit.maximum).contains(DescriptorLimit.current))
    }
}
