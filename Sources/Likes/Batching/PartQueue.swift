import DequeModule

/// The intents of one part that wait for their call; pure.
///
/// Per photo and user the order is that of arrival, also around a load: while a photo is loaded its intents stand
/// aside, those that were sent too early before those that came later.
struct PartQueue<Waiter> {
    struct Item {
        let intent: LikeIntent
        let waiter: Waiter
    }

    private var waiting: Deque<Item> = []
    private var parked: [String: [Item]] = [:]
    /// Everything that waits here.
    private(set) var count = 0
    private let limit: Int
    /// Nobody serves it any more: nothing is taken.
    private(set) var isClosed = false

    /// - Parameter limit: the most intents that wait, 1 or more.
    init(limit: Int) {
        self.limit = limit
    }

    /// `false` when there is no room.
    mutating func append(_ item: Item) -> Bool {
        guard !isClosed, count < limit else { return false }
        count += 1
        if parked.isEmpty || parked[item.intent.photo] == nil {
            waiting.append(item)
        } else {
            parked[item.intent.photo]?.append(item)
        }
        return true
    }

    /// The oldest intents that may be sent.
    mutating func take(_ limit: Int) -> [Item] {
        let taken = Array(waiting.prefix(limit))
        waiting.removeFirst(taken.count)
        count -= taken.count
        return taken
    }

    /// Sets intents aside until their photo is loaded. They were taken before, and count again from now on.
    mutating func park(_ items: [Item], photo: String) {
        let younger = waiting.filter { $0.intent.photo == photo }
        if !younger.isEmpty { waiting.removeAll { $0.intent.photo == photo } }
        parked[photo] = items + (parked[photo] ?? []) + younger
        count += items.count
    }

    /// The photo is loaded: its intents go first.
    mutating func release(photo: String) {
        guard let items = parked.removeValue(forKey: photo) else { return }
        waiting.prepend(contentsOf: items)
    }

    /// The photo cannot be loaded: its intents are handed out to be refused.
    mutating func abandon(photo: String) -> [Item] {
        let items = parked.removeValue(forKey: photo) ?? []
        count -= items.count
        return items
    }

    /// Everybody, because the process stops; from now on nothing is taken.
    mutating func close() -> [Item] {
        defer {
            isClosed = true
            waiting = []
            parked = [:]
            count = 0
        }
        return Array(waiting) + parked.values.flatMap { $0 }
    }

    var isEmpty: Bool { waiting.isEmpty }
}

extension PartQueue: Sendable where Waiter: Sendable {}
extension PartQueue.Item: Sendable where Waiter: Sendable {}
