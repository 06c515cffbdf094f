/// A 64-bit hash of names that is the same in every process, on every platform and in every release.
///
/// FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv) reads the bytes, and the finaliser of SplitMix64 spreads them: FNV
/// alone leaves the high bits of short names nearly equal, and rendezvous order compares the high bits. Not for keys
/// that an attacker picks to collide; a collision here costs one misplaced channel, nothing else.
public enum StableHash {
    /// FNV-1a of the UTF-8 bytes of `text`.
    public static func fnv1a(_ text: some StringProtocol) -> UInt64 {
        fnv1a(text.utf8)
    }

    /// FNV-1a of `bytes`.
    public static func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }

    /// The hash of a name: FNV-1a, finalised.
    public static func of(_ text: some StringProtocol) -> UInt64 {
        mix(fnv1a(text))
    }

    /// The finaliser of SplitMix64: a bijection in which every input bit changes about half of the output bits.
    ///
    /// Constants: variant 13 of D. Stafford, "Better Bit Mixing" (2011), as SplitMix64 uses them.
    @inlinable
    public static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
