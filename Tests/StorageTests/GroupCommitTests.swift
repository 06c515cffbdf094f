import Testing

@testable import Storage

@Suite struct GroupCommitTests {
    private func make(waiting: Int = 10, batch: Int = 4, flights: Int = 1, startAt: Int = 1) -> GroupCommit<Int> {
        GroupCommit(limits: .init(waitingMax: waiting, batchMax: batch, flightsMax: flights, startAt: startAt))
    }

    private func batch(_ step: GroupCommit<Int>.Step) -> [Int]? {
        if case .batch(let items) = step { items } else { nil }
    }

    @Test func theFirstStartsAFlightAndTheOthersJoinIt() {
        var group = make()
        let arrivals = (0..<3).map { group.arrived($0) }
        #expect(arrivals == [.startFlight, .waits, .waits])
        let step = group.next(after: 0, gathered: false)
        #expect(batch(step) == [0, 1, 2])
    }

    @Test func batchesKeepTheOrderAndTheLimit() {
        var group = make()
        for number in 0..<6 { _ = group.arrived(number) }
        let steps = [group.next(after: 0, gathered: false), group.next(after: 4, gathered: false)]
        #expect(steps.map(batch) == [[0, 1, 2, 3], [4, 5]])
        guard case .landed = group.next(after: 2, gathered: false) else {
            Issue.record("nothing waits")
            return
        }
        #expect(group.flights == 0)
        let again = group.arrived(9)
        #expect(again == .startFlight)
    }

    @Test func oneMoreThanTheLimitIsRefused() {
        var group = make(waiting: 2)
        let arrivals = (0..<3).map { group.arrived($0) }
        #expect(arrivals == [.startFlight, .waits, .refused])
    }

    @Test func aSmallRemainderGathersOnce() {
        var group = make()
        _ = group.arrived(1)
        guard case .gather = group.next(after: 4, gathered: false) else {
            Issue.record("one is far fewer than four")
            return
        }
        let step = group.next(after: 4, gathered: true)
        #expect(batch(step) == [1])
    }

    @Test func aLoneCommentNeverWaits() {
        var group = make()
        _ = group.arrived(1)
        let step = group.next(after: 1, gathered: false)
        #expect(batch(step) == [1])
    }

    @Test func withoutASessionAllAreHandedBack() {
        var group = make()
        for number in 0..<3 { _ = group.arrived(number) }
        let handedBack = group.aborted()
        #expect(handedBack == [0, 1, 2])
        #expect(group.flights == 0)
    }

    @Test func putBackKeepsOrderAndLimit() {
        var group = make(waiting: 3)
        _ = group.arrived(7)
        let lost = group.putBack([1, 2, 3])
        #expect(lost == 1)
        #expect(group.waiting == [1, 2, 7])
    }

    @Test func lateOnesLeave() {
        var group = make()
        for number in 0..<4 { _ = group.arrived(number) }
        let late = group.removeLate { $0 < 2 }
        #expect(late == [0, 1])
        #expect(group.waiting == [2, 3])
    }

    @Test func aThresholdHoldsTheFlightBack() {
        var group = make(startAt: 3)
        let arrivals = (0..<3).map { group.arrived($0) }
        #expect(arrivals == [.waits, .waits, .startFlight])
    }
}
