/// Decides what of an asked range is missing from a history. Pure; the same for Redis and for the in-memory broker.
///
/// A history loses entries in three ways. At its old end they are trimmed, expire or are evicted: the first entry then
/// lies above the offset asked for. When Redis restarts with less than it had acknowledged, the first event after the
/// restart carries what was lost. And a comment may be removed in the middle: that is no loss and is not reported. If the
/// removed entry was the first one after a restart, the whole jump is reported.
package struct HistoryContinuity {
    /// An entry's offset, and what the publish script added when it was the first one after a restart.
    package struct Mark: Equatable {
        package let offset: UInt64
        /// The last offset that survived the restart; `nil` for an ordinary entry.
        package var resumedAfter: UInt64?
        /// The highest offset that was lost, or may have been: see ``PositionRule``.
        package var lostThrough: UInt64?

        package init(offset: UInt64, resumedAfter: UInt64? = nil, lostThrough: UInt64? = nil) {
            self.offset = offset
            self.resumedAfter = resumedAfter
            self.lostThrough = lostThrough
        }

        /// The last offset that may have existed before this entry.
        var predecessor: UInt64 { lostThrough ?? resumedAfter ?? offset - min(offset, 1) }
    }

    let after: UInt64
    let through: UInt64?
    let newest: UInt64

    package init(after: UInt64, through: UInt64?, newest: UInt64) {
        self.after = after
        self.through = through
        self.newest = newest
    }

    private var upper: UInt64 { min(through ?? newest, newest) }

    /// - Parameters:
    ///   - first: the oldest entry the history still has; `nil` when it has none.
    ///   - page: the entries of the page.
    ///   - isCut: whether the page ends before `through`.
    package func missing(first: Mark?, page: [Mark], isCut: Bool) -> [ClosedRange<UInt64>] {
        guard after < upper else { return [] }
        guard let first else { return [after + 1...upper] }
        var missing: [ClosedRange<UInt64>] = []
        if first.offset > after, first.predecessor > after {
            missing.append(after + 1...min(first.predecessor, upper))
        }
        let end = isCut ? page.last?.offset ?? upper : upper
        var previous = max(after, first.offset)
        for mark in page where mark.offset != first.offset {
            missing += gap(before: mark, after: previous, end: end)
            previous = mark.offset
        }
        // The newest entry was the first one after a restart, and was removed.
        if !isCut, previous < end, end == newest, end - previous >= PositionRule.restartStep {
            missing.append(previous + 1...end)
        }
        return missing
    }

    private func gap(before mark: Mark, after previous: UInt64, end: UInt64) -> [ClosedRange<UInt64>] {
        if let survived = mark.resumedAfter {
            let from = max(survived, after) + 1
            let to = min(mark.lostThrough ?? 0, end)
            return from <= to ? [from...to] : []
        }
        // Only a restart jumps so far. Its first entry was removed, and with it what was lost: report the whole jump.
        guard mark.offset - previous >= PositionRule.restartStep else { return [] }
        return [previous + 1...mark.offset - 1]
    }
}
