import Storage

/// What one look at the streams brought; pure.
struct WriteBehindBatch {
    struct Item: Sendable {
        let partition: Int
        let entry: ChangeEntry
        /// Kept for the case that it becomes a dead letter.
        let raw: String
        let isGone: Bool
    }

    private(set) var items: [Item] = []

    mutating func add(_ entries: [StreamEntry], partition: Int) {
        for entry in entries {
            items.append(
                Item(partition: partition, entry: ChangeEntry(entry), raw: entry.raw, isGone: entry.isGone))
        }
    }

    var isEmpty: Bool { items.isEmpty }
    var changes: [LikeChange] { items.flatMap(\.entry.changes) }

    /// Entries that nobody can read, and that are not merely deleted.
    var unreadable: [(item: Item, reason: String)] {
        items.compactMap { item in
            guard !item.isGone, case .failure(let unreadable) = item.entry.content else { return nil }
            return (item, unreadable.reason)
        }
    }

    /// What is to be taken out of each partition's stream.
    var acks: [Int: [(id: String, changes: Int)]] {
        Dictionary(grouping: items, by: \.partition).mapValues { $0.map { ($0.entry.id, $0.entry.count) } }
    }

    /// Milliseconds since 1970 of the oldest entry.
    var oldest: Int64? {
        items.lazy.compactMap { Int64($0.entry.id.prefix { $0 != "-" }) }.min()
    }

    /// How many entries of each partition to ask for next, so that a batch has about `target` changes.
    static func nextCount(target: Int, partitions: Int, last: WriteBehindBatch) -> Int {
        let mean = max(1, last.items.isEmpty ? 1 : last.changes.count / last.items.count)
        return min(max(target / mean / max(1, partitions), 4), 2_000)
    }
}
