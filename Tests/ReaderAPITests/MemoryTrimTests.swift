import Testing

@testable import ReaderAPI

@Suite struct MemoryTrimTests {
    @Test func memoryGoesBackAfterAWaveAndNotInTheMiddleOfIt() {
        var schedule = MemoryTrimSchedule()
        let connects = [0, 3_000, 9_000, 9_020, 9_020, 9_020]
        let due = connects.map { schedule.isDue(changes: $0) }
        #expect(due == [false, false, false, true, false, false])
    }

    @Test func aFewViewersAreNoWave() {
        var schedule = MemoryTrimSchedule()
        // They count together with those who come later.
        let due = [511, 511, 600, 601].map { schedule.isDue(changes: $0) }
        #expect(due == [false, false, false, true])
    }
}
