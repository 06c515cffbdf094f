import Testing

@testable import ReaderAPI

@Suite struct ReturnScheduleTests {
    @Test func memoryGoesBackAfterAWaveAndNotInTheMiddleOfIt() {
        var schedule = ReturnSchedule()
        let connects = [0, 3_000, 9_000, 9_020, 9_020, 9_020]
        let due = connects.map { schedule.isDue(changes: $0) }
        #expect(due == [false, false, false, true, false, false])
    }

    @Test func aFewViewersAreNoWave() {
        var schedule = ReturnSchedule()
        // They count together with those who come later.
        let due = [511, 511, 600, 601].map { schedule.isDue(changes: $0) }
        #expect(due == [false, false, false, true])
    }
}
