/// Two totals of processes that are gone, so that sums do not fall when a process ends.
///
/// A process may only have been silent, and comes back with totals that count from its start: then its part is taken
/// out again. Beyond the limit the oldest become final; if one of those comes back, it is counted twice.
struct FinishedTotals {
    struct Totals: Equatable {
        var first = 0
        var second = 0
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
        if open.count >= limit { settleOldest() }
        open[key] = totals
        order.append(key)
        sum.first += totals.first
        sum.second += totals.second
    }

    /// The process is back; its totals are its own again.
    mutating func resume(_ key: String) {
        guard let totals = open.removeValue(forKey: key) else { return }
        order.removeAll { $0 == key }
        sum.first -= totals.first
        sum.second -= totals.second
    }

    /// Half of the table at a time: what is settled stays in the sum, and only its name is forgotten.
    private mutating func settleOldest() {
        let settled = order.prefix((limit + 1) / 2)
        for key in settled { open[key] = nil }
        order.removeFirst(settled.count)
    }
}
