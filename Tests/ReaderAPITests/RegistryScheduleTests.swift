import Testing

@testable import ReaderAPI

@Suite struct RegistryScheduleTests {
    func until(_ milliseconds: Int, elapsed: Duration = .zero, every interval: Duration = .seconds(1)) -> Duration {
        RegistrySchedule.untilMoment(serverMilliseconds: milliseconds, elapsed: elapsed, interval: interval)
    }

    @Test func momentsAreTheMultiplesOfTheIntervalOnTheServersClock() {
        #expect(until(1_700_000_000_250) == .milliseconds(750))
        #expect(until(1_700_000_000_250, elapsed: .milliseconds(700)) == .milliseconds(50))
        #expect(until(1_700_000_000_250, elapsed: .milliseconds(800)) == .milliseconds(950))
        #expect(until(1_700_000_000_250, every: .milliseconds(200)) == .milliseconds(150))
    }

    /// At the moment itself the next one is meant: a loop that waits for nothing would never end.
    @Test func neverNow() {
        #expect(until(1_700_000_000_000) == .seconds(1))
        #expect(until(0, elapsed: .seconds(3)) == .seconds(1))
        #expect(until(.max) > .zero)
        #expect(until(.max) <= .seconds(1))
    }
}
