/// Decides what of an asked range is missing from a history. Pure; the same for Redis and for the in-memory broker.
///
/// A history loses entries in three ways. From its old end (trimmed, expired, evicted): the first retained entry lies
/// above the offset asked for. At a restart of Redis that came back with less than it had given out: the first event
/// after the restart says so itself. And single entries in the middle that somebody removed: not a loss, never
/// reported.
struct HistoryContinuity {
    /// An entry's offset, and what the publisher noted when it was the first one after a restart.
    struct Mark: Equatable {
        let offset: UInt64
        /// The last offset that survived the restart; `nil` for an ordinary entry.
        var resumedAfter: UInt64?
        /// The highest offset the publisher knew to be acknowledged, when that was above `resumedAfter`.
        var lostThrough: UInt64?

        /// The last offset that may have existed before this entry.
        var predecessor: UInt64 { lostThrough ?? resumedAfter ?? offset - min(offset, 1) }
    }

    let after: UInt64
    let through: UInt64?
    let newest: UInt64

    private var upper: UInt64 { min(through ?? newest, newest) }

    /// - Parameters:
    ///   - first: the oldest entry the history still has; `nil` when it has none.
    ///   - page: the entries of the page.
    ///   - isCut: whether the page ends before `through`.
    func missing(first: Mark?, page: [Mark], isCut: Bool) -> [ClosedRange<UInt64>] {
        guard after < upper else { return [] }
        guard let first else { return [after + 1...upper] }
        var missing: [ClosedRange<UInt64>] = []
        if first.offset > after, first.predecessor > after {
            missing.append(after + 1...min(first.predecessor, upper))
        }
        let end = isCut ? page.last?.offset ?? upper : upper
        for mark in page where mark.offset != first.offset {
            guard let survived = mark.resumedAfter, let lost = mark.lostThrough else { continue }
            let from = max(survived, after) + 1
            if from <= min(lost, end) { missing.append(from...min(lost, end)) }
        }
        return missing
    }
}
