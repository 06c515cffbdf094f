internal import Wire

/// Durations of the last minute, of all processes. Pure.
struct RecentDurations {
    static let slotSeconds: Int64 = 5
    private static let slots = 12
    static let seconds = Int(slotSeconds) * slots

    private var histograms: [(number: Int64, durations: DurationHistogram)] = []

    mutating func add(_ durations: DurationHistogram, at now: Duration) {
        let number = now.components.seconds / Self.slotSeconds
        forget(before: number)
        if histograms.last?.number != number { histograms.append((number, DurationHistogram())) }
        histograms[histograms.count - 1].durations.add(durations)
    }

    /// `nil` when nothing came.
    mutating func merged(at now: Duration) -> DurationHistogram? {
        forget(before: now.components.seconds / Self.slotSeconds)
        let all = histograms.reduce(into: DurationHistogram()) { $0.add($1.durations) }
        return all.count > 0 ? all : nil
    }

    private mutating func forget(before number: Int64) {
        histograms.removeAll { $0.number <= number - Int64(Self.slots) }
    }
}
