/// Who waits for the next multi-row statement, and when one leaves: pure.
///
/// A *flight* is a job on a database session that takes everything that waits, writes it as one statement, and takes
/// again until nothing waits. While it writes, the next batch gathers by itself: the busier the database, the larger
/// the batches, without a timer.
struct GroupCommit<Item: Sendable>: Sendable {
    struct Limits: Equatable, Sendable {
        /// Items that may wait; one more is refused.
        var waitingMax: Int
        /// Rows of one statement.
        var batchMax: Int
        /// Statements on their way at a time.
        var flightsMax: Int = 1
        /// So many must wait before one of them starts a flight.
        var startAt: Int = 1
    }

    enum Arrival: Equatable {
        case refused
        case waits
        /// The caller has to submit a flight.
        case startFlight
    }

    enum Step {
        case batch([Item])
        /// Far fewer wait than went with the last batch: a short pause makes the next statement worth its cost.
        case gather
        /// Nothing waits; the flight has ended.
        case landed
    }

    let limits: Limits
    private(set) var waiting: [Item] = []
    private(set) var flights = 0

    init(limits: Limits) { self.limits = limits }

    mutating func arrived(_ item: Item) -> Arrival {
        guard waiting.count < limits.waitingMax else { return .refused }
        waiting.append(item)
        guard waiting.count >= limits.startAt else { return .waits }
        return startIfWaiting() ? .startFlight : .waits
    }

    /// Whether the caller has to submit a flight now, however few wait.
    mutating func startIfWaiting() -> Bool {
        guard !waiting.isEmpty, flights < limits.flightsMax else { return false }
        flights += 1
        return true
    }

    /// - Parameters:
    ///   - previous: rows of this flight's last batch, 0 at its beginning.
    ///   - gathered: whether it has paused since then.
    mutating func next(after previous: Int, gathered: Bool) -> Step {
        guard !waiting.isEmpty else {
            flights -= 1
            return .landed
        }
        if !gathered, waiting.count < min(previous, limits.batchMax) / 2 { return .gather }
        let batch = Array(waiting.prefix(limits.batchMax))
        waiting.removeFirst(batch.count)
        return .batch(batch)
    }

    /// The flight has no session. All that wait are handed back: the next one would not have one either.
    mutating func aborted() -> [Item] {
        flights -= 1
        defer { waiting.removeAll() }
        return waiting
    }

    /// The flight ends early and leaves what waits for a later one.
    mutating func landedEarly() { flights -= 1 }

    /// Puts back what a failed batch had taken; returns how many found no room.
    mutating func putBack(_ items: [Item]) -> Int {
        let room = max(0, limits.waitingMax - waiting.count)
        waiting.insert(contentsOf: items.prefix(room), at: 0)
        return max(0, items.count - room)
    }

    /// Takes the longest waiting ones out for which `isLate` holds.
    mutating func removeLate(_ isLate: (Item) -> Bool) -> [Item] {
        let late = Array(waiting.prefix(while: isLate))
        waiting.removeFirst(late.count)
        return late
    }
}
