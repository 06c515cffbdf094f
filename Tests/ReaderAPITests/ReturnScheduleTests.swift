import Testing

@testable import ReaderAPI

@Suite struct ReturnScheduleTests {
    @Test func memoryGoesBackAfterAWaveAndNotInTheMiddleOfIt() {
        var schedule = ReturnSchedule()
        let connects = [0, 3_000, 9_000, 9_020, 9_020, 9_020]
        #expect(connects.map { schedule.isDue(changes: $0) } == [false, false, false, true, false, false])
    }

    @Test func aFewViewersAreNoWave() {
        var schedule = ReturnSchedule()
        #expect(!schedule.isDue(changes: 511))
        #expect(!schedule.isDue(changes: 511))
        // They count together with those who come later.
        #expect(!schedule.isDue(changes: 600))
        #expect(schedule.isDue(changes: 601))
    }
}
