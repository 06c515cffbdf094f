/// In which of 1,024 slots a user's likes are: the same everywhere, for ever.
///
/// Redis and PostgreSQL split the likers of a photo by it: part `p` of `n` parts is a range of slots, so that the
/// number of parts may change without touching the record.
public enum UserSlot {
    public static let count = 1024

    /// 0 to 1,023: FNV-1a with the finaliser of MurmurHash3, whose high bits are as good as its low ones.
    public static func slot(of user: some StringProtocol) -> Int16 {
        var hash = user.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return Int16(truncatingIfNeeded: (hash ^ (hash >> 33)) >> 54)
    }

    /// 0 to `parts` - 1; `parts` is 1 to 1,024, others are clamped.
    public static func part(of user: some StringProtocol, parts: Int) -> Int {
        Int(slot(of: user)) * clamped(parts) / count
    }

    /// The slots of one part; empty when there is no such part.
    public static func slots(ofPart part: Int, parts: Int) -> Range<Int16> {
        let parts = clamped(parts)
        guard part >= 0, part < parts else { return 0..<0 }
        return first(part, parts)..<first(part + 1, parts)
    }

    private static func first(_ part: Int, _ parts: Int) -> Int16 { Int16((part * count + parts - 1) / parts) }
    private static func clamped(_ parts: Int) -> Int { min(max(parts, 1), count) }
}
