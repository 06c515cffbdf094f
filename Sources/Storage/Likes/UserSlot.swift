/// In which of 1,024 slots a user's likes are: the same everywhere, for ever.
///
/// Redis and PostgreSQL split the likers of a photo by it: part `p` of `n` parts is a range of slots, so that the
/// number of parts may change without touching the record.
public enum UserSlot {
    public static let count = 1024

    /// 0 to 1,023: FNV-1a with the finaliser of MurmurHash3, whose high bits are as good as its low ones.
    public static func slot(of user: some StringProtocol) -> Int16 {
        slot(hash: user.utf8.reduce(offsetBasis, step))
    }

    /// The same without the detour through a protocol: every like is hashed more than once.
    public static func slot(of user: String) -> Int16 {
        var user = user
        return slot(hash: user.withUTF8 { $0.reduce(offsetBasis, step) })
    }

    private static let offsetBasis: UInt64 = 0xcbf2_9ce4_8422_2325

    private static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 { (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }

    private static func slot(hash: UInt64) -> Int16 {
        var hash = hash
        hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return Int16(truncatingIfNeeded: (hash ^ (hash >> 33)) >> 54)
    }

    /// 0 to `parts` - 1; `parts` is 1 to 1,024, others are clamped.
    public static func part(of user: some StringProtocol, parts: Int) -> Int {
        part(slot: slot(of: user), parts: parts)
    }

    public static func part(of user: String, parts: Int) -> Int { part(slot: slot(of: user), parts: parts) }

    private static func part(slot: Int16, parts: Int) -> Int { Int(slot) * clamped(parts) / count }

    /// The slots of one part; empty when there is no such part.
    public static func slots(ofPart part: Int, parts: Int) -> Range<Int16> {
        let parts = clamped(parts)
        guard part >= 0, part < parts else { return 0..<0 }
        return first(part, parts)..<first(part + 1, parts)
    }

    private static func first(_ part: Int, _ parts: Int) -> Int16 { Int16((part * count + parts - 1) / parts) }
    private static func clamped(_ parts: Int) -> Int { min(max(parts, 1), count) }
}
