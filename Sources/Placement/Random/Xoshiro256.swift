/// xoshiro256** 1.0 (D. Blackman, S. Vigna, "Scrambled Linear Pseudorandom Number Generators", ACM TOMS 47(4), 2021).
///
/// Every simulation, audience and arrival process of this project draws from it, so that one seed gives one result in
/// every release. For that draw with ``Swift/RandomNumberGenerator/below(_:)`` and its neighbours: the standard
/// library's `random(in:using:)` may use its bits otherwise from one release to the next.
public struct Xoshiro256: RandomNumberGenerator, Sendable {
    private var s0: UInt64
    private var s1: UInt64
    private var s2: UInt64
    private var s3: UInt64

    /// The state itself: at least one of the four must not be zero, or every draw is zero.
    public init(state: (UInt64, UInt64, UInt64, UInt64)) {
        (s0, s1, s2, s3) = state
    }

    /// State filled by ``SplitMix64``, as the authors advise.
    public init(seed: UInt64) {
        var filler = SplitMix64(seed: seed)
        (s0, s1, s2, s3) = (filler.next(), filler.next(), filler.next(), filler.next())
    }

    /// An independent stream of the same seed for each purpose, so that one more draw in one place moves no other.
    public init(seed: UInt64, purpose: String) {
        self.init(seed: StableHash.mix(seed) ^ StableHash.of(purpose))
    }

    public mutating func next() -> UInt64 {
        let product = s1 &* 5
        let result = ((product << 7) | (product >> 57)) &* 9
        let shifted = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = (s3 << 45) | (s3 >> 19)
        return result
    }
}
