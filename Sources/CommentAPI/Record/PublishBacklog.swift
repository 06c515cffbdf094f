/// Stored comments of one lane that wait to be published, in the order of storing: pure.
struct PublishBacklog<Item: Sendable>: Sendable {
    enum Arrival: Equatable {
        /// No room, or closed: the item is left to the outbox sweep.
        case refused
        case waits
        /// It is the first one: whoever publishes sleeps and must be woken.
        case wake
    }

    struct Turn {
        /// To be published now, in this order.
        var batch: [Item]
        /// Waited too long: the outbox sweep may be about to take them, so that they must not be published any more.
        var late: [Item]
    }

    let waitingMax: Int
    let batchMax: Int
    let waitMax: Duration
    /// Nobody will come for what arrives from now on.
    private(set) var isClosed = false
    private var waiting: [(item: Item, since: ContinuousClock.Instant)] = []

    init(waitingMax: Int, batchMax: Int, waitMax: Duration) {
        self.waitingMax = waitingMax
        self.batchMax = batchMax
        self.waitMax = waitMax
    }

    var count: Int { waiting.count }

    mutating func arrived(_ item: Item, at now: ContinuousClock.Instant) -> Arrival {
        guard !isClosed, waiting.count < waitingMax else { return .refused }
        waiting.append((item, now))
        return waiting.count == 1 ? .wake : .waits
    }

    mutating func close() { isClosed = true }

    /// `nil` when nothing waits.
    mutating func next(at now: ContinuousClock.Instant) -> Turn? {
        guard !waiting.isEmpty else { return nil }
        let late = waiting.prefix { $0.since < now - waitMax }
        let batch = waiting[late.endIndex...].prefix(batchMax)
        defer { waiting.removeFirst(late.count + batch.count) }
        return Turn(batch: batch.map(\.item), late: late.map(\.item))
    }
}
