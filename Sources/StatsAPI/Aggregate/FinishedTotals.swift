/// Totals of processes that are gone, so that sums do not fall when a process ends.
///
/// A process that was only silent comes back with totals since its start: its part is then subtracted again. Beyond the
/// limit the oldest become final; if one of those comes back, it is counted twice.
struct FinishedTotals {
    struct Totals: Equatable {
        var first = 0
        var second = 0
        var third = 0

        static func += (sum: inout Totals, other: Totals) {
            sum = Totals(
                first: sum.first + other.first, second: sum.second + other.second, third: sum.third + other.third)
        }

        static func -= (sum: inout Totals, other: Totals) {
            sum += Totals(first: -other.first, second: -other.second, third: -other.third)
        }
    }

    private var open: [String: Totals] = [:]
    private var order: [String] = []
    private let limit: Int

    init(limit: Int) {
        self.limit = max(1, limit)
    }

    /// Everything that finished.
    private(set) var sum = Totals()

    mutating func finish(_ key: String, _ totals: Totals) {
        resume(key)
        if open.count >= limit { finalizeOldest() }
        open[key] = totals
        order.append(key)
        sum += totals
    }

    /// The process is back, and reports its totals itself.
    mutating func resume(_ key: String) {
        guard let totals = open.removeValue(forKey: key) else { return }
        order.removeAll { $0 == key }
        sum -= totals
    }

    /// Half of the table at a time: the totals stay in the sum, only the names are removed.
    private mutating func finalizeOldest() {
        let oldest = order.prefix((limit + 1) / 2)
        for key in oldest { open[key] = nil }
        order.removeFirst(oldest.count)
    }
}
