/// Offsets that viewers jumped over and that may still come late.
///
/// Empty in a healthy run. Bounded: ranges that do not fit are lost for good at once, and counted.
struct MissingOffsets {
    /// Ranges of all viewers together.
    static let rangesMax = 100_000

    private var ranges: [Int: [ClosedRange<UInt64>]] = [:]
    private var rangeCount = 0
    /// Offsets in all ranges.
    private(set) var offsets = 0
    /// Offsets that were not remembered because the table was full.
    private(set) var refused = 0

    /// Remembers a range above all others of this viewer.
    mutating func add(_ range: ClosedRange<UInt64>, viewer: Int) -> Bool {
        guard rangeCount < MissingOffsets.rangesMax else {
            refused += range.count
            return false
        }
        ranges[viewer, default: []].append(range)
        rangeCount += 1
        offsets += range.count
        return true
    }

    /// Takes out what lies in `window`; how many offsets that were.
    mutating func remove(_ window: ClosedRange<UInt64>, viewer: Int) -> Int {
        guard let before = ranges[viewer] else { return 0 }
        var after: [ClosedRange<UInt64>] = []
        var removed = 0
        for range in before {
            guard range.overlaps(window) else {
                after.append(range)
                continue
            }
            removed += range.clamped(to: window).count
            if range.lowerBound < window.lowerBound { after.append(range.lowerBound...window.lowerBound - 1) }
            if range.upperBound > window.upperBound { after.append(window.upperBound + 1...range.upperBound) }
        }
        ranges[viewer] = after.isEmpty ? nil : after
        rangeCount += after.count - before.count
        offsets -= removed
        return removed
    }

    /// Forgets a viewer's ranges; how many offsets they held.
    mutating func forget(viewer: Int) -> Int {
        guard let before = ranges.removeValue(forKey: viewer) else { return 0 }
        let count = before.reduce(0) { $0 + $1.count }
        rangeCount -= before.count
        offsets -= count
        return count
    }
}
