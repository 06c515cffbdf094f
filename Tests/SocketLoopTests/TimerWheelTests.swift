import Testing

@testable import SocketLoop

@Suite struct TimerWheelTests {
    private func token(_ value: UInt64) -> TimerToken { TimerToken(kind: 1, value: value) }

    @Test func deadlinesFireAtTheirTickAndNotBefore() {
        var wheel = TimerWheel(tickNanoseconds: 10, slots: 8, now: 0)
        wheel.schedule(token(1), at: 25)
        wheel.schedule(token(2), at: 30)
        wheel.schedule(token(3), at: 31)
        var fired: [TimerToken] = []
        wheel.expire(now: 29, into: &fired)
        #expect(fired.isEmpty)
        wheel.expire(now: 30, into: &fired)
        #expect(fired == [token(1), token(2)])
        #expect(wheel.nanosecondsToNext(now: 30) == 10)
        wheel.expire(now: 40, into: &fired)
        #expect(fired.last == token(3))
        #expect(wheel.count == 0)
        #expect(wheel.nanosecondsToNext(now: 40) == nil)
    }

    @Test func beyondOneTurnOfTheRing() {
        var wheel = TimerWheel(tickNanoseconds: 10, slots: 8, now: 0)
        wheel.schedule(token(1), at: 50)
        wheel.schedule(token(2), at: 50 + 80)
        var fired: [TimerToken] = []
        wheel.expire(now: 60, into: &fired)
        #expect(fired == [token(1)])
        wheel.expire(now: 120, into: &fired)
        #expect(fired.count == 1)
        wheel.expire(now: 130, into: &fired)
        #expect(fired == [token(1), token(2)])
    }

    @Test func aLongPauseLosesNothing() {
        var wheel = TimerWheel(tickNanoseconds: 10, slots: 8, now: 0)
        for value in 1...100 { wheel.schedule(token(UInt64(value)), at: UInt64(value) * 7) }
        var fired: [TimerToken] = []
        wheel.expire(now: 1_000_000, into: &fired)
        #expect(fired.count == 100)
        #expect(wheel.count == 0)
        wheel.schedule(token(7), at: 5)
        wheel.expire(now: 1_000_010, into: &fired)
        #expect(fired.count == 101)
    }
}
