/// In which of 1,024 slots a user's likes are: the same everywhere, for ever.
///
/// Redis and PostgreSQL split the likers of a photo by it: partition `p` of `n` is a range of slots, so that the
/// number of partitions may change without touching the database.
public enum UserSlot {
    public static let count = 1024

    /// 0 to 1,023: FNV-1a with the finaliser of MurmurHash3, whose high bits are as good as its low ones.
    public static func slot(of user: String) -> Int16 {
        var user = user
        var hash = user.withUTF8 { bytes in
            bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        }
        hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return Int16(truncatingIfNeeded: (hash ^ (hash >> 33)) >> 54)
    }

    /// 0 to `partitions` - 1; `partitions` is 1 to 1,024, others are clamped.
    public static func partition(of user: String, partitions: Int) -> Int {
        partition(of: slot(of: user), partitions: partitions)
    }

    static func partition(of slot: Int16, partitions: Int) -> Int {
        min(max(Int(slot), 0), count - 1) * clamped(partitions) / count
    }

    /// The slots of one partition; empty when there is no such.
    public static func slots(ofPartition partition: Int, partitions: Int) -> Range<Int16> {
        let partitions = clamped(partitions)
        guard partition >= 0, partition < partitions else { return 0..<0 }
        return first(partition, partitions)..<first(partition + 1, partitions)
    }

    private static func first(_ partition: Int, _ partitions: Int) -> Int16 {
        Int16((partition * count + partitions - 1) / partitions)
    }
    private static func clamped(_ partitions: Int) -> Int { min(max(partitions, 1), count) }
}
