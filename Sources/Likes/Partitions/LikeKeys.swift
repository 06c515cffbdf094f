/// What likes keep in Redis, by name.
///
/// A photo's likers are split over the partitions by a hash of the user, and everything of one partition carries its
/// number as hash tag. One call may therefore change many photos in one partition, one hot photo is spread over all
/// partitions (and, on a cluster, over its nodes), and there are as many change streams as partitions, however many
/// photos there are.
public enum LikeKeys {
    /// A string, see ``LikeAgreement``: all processes must agree on it.
    public static let settings = "likes:settings"
    /// A set of photos whose count a Reader could not find in Redis; LikeAPI answers with a state event.
    public static let wanted = "likes:wanted"
    /// See ``DeadLetters``.
    public static let deadLetters = "likes:poisoned"

    /// Present for as long as no further count of the photo may be announced.
    static func announced(_ photo: String) -> String { "likes:announced:{photo:\(photo)}" }
}

/// The keys of one partition.
struct PartitionKeys: Sendable {
    /// A stream: changes that the database does not have yet, one entry a batch.
    let changes: String
    /// A hash: photo → `<size>:<version>`, see ``PartitionState``; `=` → ``PartitionEpoch``.
    let sizes: String
    /// A hash: `clock`, the newest version given out; `depth`, changes in the stream.
    let meta: String
    private let prefix: String

    init(_ partition: Int) {
        prefix = "likes:{\(partition)}:"
        changes = prefix + "changes"
        sizes = prefix + "sizes"
        meta = prefix + "meta"
    }

    /// A set: the users of this partition who like the photo.
    func members(_ photo: String) -> String { prefix + "of:" + photo }
    /// Held by the one process that loads the set from the database.
    func lock(_ photo: String) -> String { prefix + "lock:" + photo }
    /// The set while it is loaded.
    func loading(_ photo: String) -> String { prefix + "loading:" + photo }
}
