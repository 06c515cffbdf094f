import Storage

/// What one look at the streams brought; pure.
struct WriteBehindBatch {
    struct Item: Sendable {
        let partition: Int
        let entry: ChangeEntry
    }

    let items: [Item]

    /// - Parameter read: the entries of each partition.
    init(_ read: some Sequence<(Int, [StreamEntry])> = []) {
        items = read.flatMap { partition, entries in
            entries.map { Item(partition: partition, entry: ChangeEntry($0)) }
        }
    }

    var isEmpty: Bool { items.isEmpty }
    var changes: [LikeChange] { items.flatMap(\.entry.changes) }

    /// Entries that nobody can read, and that are not merely deleted.
    var unreadable: [(item: Item, reason: String)] {
        items.compactMap { item in
            guard !item.entry.isGone, case .failure(let unreadable) = item.entry.content else { return nil }
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
