import Testing

@testable import Broker

@Suite struct ContinuityTests {
    typealias Mark = HistoryContinuity.Mark

    private func missing(
        after: UInt64, through: UInt64? = nil, newest: UInt64, first: Mark?, page: [Mark], isCut: Bool = false
    ) -> [ClosedRange<UInt64>] {
        HistoryContinuity(after: after, through: through, newest: newest).missing(
            first: first, page: page, isCut: isCut)
    }

    private func marks(_ range: ClosedRange<UInt64>) -> [Mark] { range.map { Mark(offset: $0) } }

    @Test func wholePagesMissNothing() {
        #expect(missing(after: 0, newest: 3, first: Mark(offset: 1), page: marks(1...3)) == [])
        #expect(missing(after: 3, newest: 3, first: Mark(offset: 1), page: []) == [])
        #expect(missing(after: 9, newest: 3, first: Mark(offset: 1), page: []) == [])
    }

    @Test func trimmedFrontIsMissing() {
        #expect(missing(after: 2, newest: 9, first: Mark(offset: 6), page: marks(6...9)) == [3...5])
        #expect(missing(after: 2, through: 4, newest: 9, first: Mark(offset: 6), page: []) == [3...4])
        #expect(missing(after: 5, newest: 9, first: Mark(offset: 6), page: marks(6...9)) == [])
    }

    @Test func evictedHistoryIsAllMissing() {
        #expect(missing(after: 2, newest: 9, first: nil, page: []) == [3...9])
        #expect(missing(after: 2, through: 5, newest: 9, first: nil, page: []) == [3...5])
    }

    @Test func removedCommentsAreNoLoss() {
        #expect(missing(after: 0, newest: 4, first: Mark(offset: 1), page: [Mark(offset: 1), Mark(offset: 4)]) == [])
        #expect(missing(after: 1, newest: 4, first: Mark(offset: 1), page: [Mark(offset: 4)]) == [])
    }

    /// What it said of a loss is gone with it.
    @Test func aRemovedFirstEntryOfARestartIsToldAsALoss() {
        let step = PositionRule.restartStep
        let first = Mark(offset: 1)
        let after = Mark(offset: step + 5)
        #expect(missing(after: 2, newest: step + 5, first: first, page: [Mark(offset: 3), after]) == [4...step + 4])
        #expect(missing(after: 3, newest: step + 5, first: first, page: [after]) == [4...step + 4])
        #expect(missing(after: step + 4, newest: step + 5, first: first, page: [after]) == [])
        #expect(missing(after: 2, newest: step + 4, first: first, page: [Mark(offset: 3)]) == [4...step + 4])
        #expect(missing(after: 3, newest: step + 4, first: first, page: []) == [4...step + 4])
        #expect(missing(after: step + 4, newest: step + 4, first: first, page: []) == [])
    }

    @Test func aCleanRestartIsNoLoss() {
        let jump = Mark(offset: 1003, resumedAfter: 3)
        #expect(missing(after: 2, newest: 1003, first: Mark(offset: 1), page: [Mark(offset: 3), jump]) == [])
        #expect(missing(after: 3, newest: 1003, first: jump, page: [jump]) == [])
        #expect(missing(after: 1, newest: 1003, first: jump, page: [jump]) == [2...3])
    }

    @Test func aLossyRestartIsALossForThoseWhoHaveLess() {
        let jump = Mark(offset: 1003, resumedAfter: 3, lostThrough: 5)
        let page = [Mark(offset: 3), jump]
        #expect(missing(after: 2, newest: 1003, first: Mark(offset: 1), page: page) == [4...5])
        #expect(missing(after: 4, newest: 1003, first: Mark(offset: 1), page: [jump]) == [5...5])
        #expect(missing(after: 5, newest: 1003, first: Mark(offset: 1), page: [jump]) == [])
        #expect(missing(after: 1, newest: 1003, first: jump, page: [jump]) == [2...5])
    }

    @Test func aCutPageTellsOnlyWhatLiesInIt() {
        let jump = Mark(offset: 1003, resumedAfter: 3, lostThrough: 5)
        #expect(missing(after: 1, newest: 1003, first: Mark(offset: 1), page: marks(2...3), isCut: true) == [])
        #expect(missing(after: 3, newest: 1003, first: Mark(offset: 1), page: [jump]) == [4...5])
    }
}
