import Storage

/// What one look at the streams brought; pure.
struct WriteBehindBatch {
    struct Item: Sendable {
        let partition: Int
        let entry: ChangeEntry
    }

    let items: [Item]
    /// The epoch of each partition before its entries were read; see ``PartitionScripts/ack``.
    let epochs: [Int: String]

    /// - Parameter read: the entries of each partition.
    init(_ read: some Sequence<(Int, [StreamEntry])> = [], epochs: [Int: String] = [:]) {
        self.epochs = epochs
        items = read.flatMap { partition, entries in
            entries.map { Item(partition: partition, entry: ChangeEntry($0)) }
        }
    }

    var isEmpty: Bool { items.isEmpty }
    var changes: [LikeChange] { items.flatMap(\.entry.changes) }

    /// Entries that nobody can read, and that are not merely deleted.
    var malformed: [(partition: Int, letter: DeadLetter)] {
        items.compactMap { item in
            guard !item.entry.isGone, case .failure(.malformed(let reason)) = item.entry.content else { return nil }
            return (item.partition, DeadLetter(id: item.entry.id, reason: reason, fields: item.entry.fields))
        }
    }

    /// Entries that only a newer process can read.
    var newer: Int { items.count { $0.entry.content == .failure(.newer) } }

    /// What is to be taken out of each partition's stream.
    var acks: [Int: [(id: String, changes: Int)]] {
        Dictionary(grouping: items.filter { $0.entry.content != .failure(.newer) }, by: \.partition)
            .mapValues { $0.map { ($0.entry.id, $0.entry.count) } }
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
