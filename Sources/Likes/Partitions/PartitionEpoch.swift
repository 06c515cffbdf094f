/// To which data a partition's sizes belong, and whether that has been held against the database: the value of the field
/// `=` of ``PartitionKeys/sizes``, `<history>:<generation>:<since>`. No photo's id is `=`.
///
/// Redis may come back with less than it had acknowledged: from an older file, as a replica that lagged behind, empty. Each
/// of these begins another replication history (`master_replid`). Nothing is liked and nobody is answered from a partition
/// whose history is not Redis's, until ``PartitionVerifier`` has compared it with the database.
struct PartitionEpoch: Hashable, Sendable {
    /// The replication history in which the partition was verified; ``older`` when it is known to lack what the database
    /// has.
    let history: String
    /// Sizes of another generation are not valid: what Redis held then was older than the database.
    let generation: Int
    /// When it began, as a ``PartitionState/version``.
    let since: Int64
    /// As it stands in Redis.
    let text: String

    static let field = "="
    static let older = "!"

    /// `nil` for anything else.
    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let generation = Int(parts[1]), generation >= 0, let since = Int64(parts[2]) else {
            return nil
        }
        history = String(parts[0])
        self.generation = generation
        self.since = since
        self.text = text
    }
}
