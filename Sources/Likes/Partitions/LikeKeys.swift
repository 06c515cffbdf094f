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

    /// The commands that likes send to Redis, each with a key of its kind: what the user's ACL must allow.
    public static let needs: [[String]] = {
        let keys = PartitionKeys(0)
        let (changes, sizes, meta) = (keys.changes, keys.sizes, keys.meta)
        let (members, lock, loading) = (keys.members("p"), keys.lock("p"), keys.loading("p"))
        return [
            ["GET", settings], ["SET", settings, ""], ["SET", lock, ""], ["DEL", lock], ["PEXPIRE", lock, "1"],
            ["SET", announced("p"), "1"], ["SADD", wanted, "p"], ["SPOP", wanted], ["SCARD", wanted],
            ["HGET", sizes, "p"], ["HMGET", sizes, "p"], ["HSET", sizes, "p", ""], ["HDEL", sizes, "p"],
            ["HGET", meta, "depth"], ["HSET", meta, "depth", "0"], ["HSETNX", meta, "clock", "0"],
            ["SADD", members, "u"], ["SREM", members, "u"], ["SCARD", members], ["SISMEMBER", members, "u"],
            ["SMISMEMBER", members, "u"], ["SSCAN", members, "0"], ["HSCAN", sizes, "0"], ["EXISTS", members],
            ["HLEN", sizes], ["HINCRBY", meta, "depth", "1"], ["PTTL", lock],
            ["SADD", loading, "u"], ["PEXPIRE", loading, "1"], ["PERSIST", loading], ["RENAME", loading, members],
            ["UNLINK", loading], ["UNLINK", members], ["XADD", changes, "*", "c", ""], ["XLEN", changes],
            ["XRANGE", changes, "-", "+"], ["XDEL", changes, "1-0"], ["XACK", changes, "g", "1-0"],
            ["XREADGROUP", "GROUP", "g", "c", "STREAMS", changes, ">"],
            ["XAUTOCLAIM", changes, "g", "c", "0", "0-0"], ["XGROUP", "CREATE", changes, "g", "0"],
            ["XGROUP", "DELCONSUMER", changes, "g", "c"], ["XINFO", "CONSUMERS", changes, "g"],
            ["XADD", deadLetters, "*", "c", ""], ["XLEN", deadLetters], ["XREVRANGE", deadLetters, "+", "-"],
        ]
    }()

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
    /// Present for some time after a dead letter was put back.
    func replayed(_ letter: String) -> String { prefix + "replayed:" + letter }
}
