import Testing

@testable import CommentAPI

@Suite struct PublishBacklogTests {
    private let start = ContinuousClock.now

    private func makeBacklog(waiting: Int = 10, batch: Int = 3) -> PublishBacklog<Int> {
        PublishBacklog(waitingMax: waiting, batchMax: batch, waitMax: .seconds(2))
    }

    @Test func batchesKeepTheOrderOfArrival() {
        var backlog = makeBacklog()
        for number in 1...5 { _ = backlog.arrived(number, at: start) }
        #expect(backlog.next(at: start)?.batch == [1, 2, 3])
        #expect(backlog.arrived(6, at: start) == .waits)
        #expect(backlog.next(at: start)?.batch == [4, 5, 6])
        #expect(backlog.next(at: start) == nil)
    }

    @Test func onlyTheFirstOneWakes() {
        var backlog = makeBacklog()
        #expect(backlog.arrived(1, at: start) == .wake)
        #expect(backlog.arrived(2, at: start) == .waits)
        _ = backlog.next(at: start)
        #expect(backlog.arrived(3, at: start) == .wake)
    }

    @Test func lateOnesAreHandedOutApart() {
        var backlog = makeBacklog()
        _ = backlog.arrived(1, at: start)
        _ = backlog.arrived(2, at: start + .seconds(1))
        let turn = backlog.next(at: start + .milliseconds(2_001))
        #expect(turn?.late == [1])
        #expect(turn?.batch == [2])
        #expect(backlog.count == 0)
    }

    @Test func thereIsALimit() {
        var backlog = makeBacklog(waiting: 2)
        #expect([1, 2, 3].map { backlog.arrived($0, at: start) } == [.wake, .waits, .refused])
        #expect(backlog.next(at: start)?.batch == [1, 2])
    }

    @Test func aClosedOneTakesNothingAndGivesWhatItHas() {
        var backlog = makeBacklog()
        _ = backlog.arrived(1, at: start)
        backlog.close()
        #expect(backlog.arrived(2, at: start) == .refused)
        #expect(backlog.next(at: start)?.batch == [1])
        #expect(backlog.next(at: start) == nil)
    }
}
