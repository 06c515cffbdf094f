import DequeModule
import NIOCore

/// Who waits for which reply of one connection: first in, first out, as RESP answers. Pure.
struct ReplyQueue<Waiter> {
    enum Outcome {
        /// The pipeline of the oldest waiter is not whole yet.
        case partial
        case complete(Waiter, [RESPValue])
        /// Nobody waits for it: a protocol violation.
        case unexpected
    }

    private struct Entry {
        let waiter: Waiter
        let deadline: NIODeadline
        var remaining: Int
        var values: [RESPValue] = []
    }

    private var entries: Deque<Entry> = []

    var isEmpty: Bool { entries.isEmpty }

    /// When the oldest waiter has waited long enough. Deadlines must come in ascending order.
    var oldestDeadline: NIODeadline? { entries.first?.deadline }

    /// - Parameter replies: how many replies the waiter wants, 1 or more.
    mutating func append(_ waiter: Waiter, replies: Int, deadline: NIODeadline) {
        entries.append(Entry(waiter: waiter, deadline: deadline, remaining: replies))
    }

    mutating func receive(_ value: RESPValue) -> Outcome {
        guard !entries.isEmpty else { return .unexpected }
        entries[0].values.append(value)
        entries[0].remaining -= 1
        guard entries[0].remaining == 0 else { return .partial }
        let entry = entries.removeFirst()
        return .complete(entry.waiter, entry.values)
    }

    /// Everybody who waits, oldest first, and whether the waiter's own deadline has passed.
    mutating func removeAll(now: NIODeadline) -> [(waiter: Waiter, isOverdue: Bool)] {
        defer { entries.removeAll() }
        return entries.map { ($0.waiter, $0.deadline <= now) }
    }
}
