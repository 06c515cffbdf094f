internal import Glibc

/// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
///
/// Any seed is as good as another, zero included. Used to fill the state of ``Xoshiro256`` and where one number
/// from one seed is enough.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        self.state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return StableHash.mix(state)
    }
}

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

/// Draws whose use of the random bits is written down here, and so stays the same in every release of the toolchain.
extension RandomNumberGenerator {
    /// A whole number in `0..<bound`, without bias (D. Lemire, "Fast Random Integer Generation in an Interval",
    /// ACM TOMACS 29(1), 2019). `bound` below 1 counts as 1.
    @inlinable
    public mutating func below(_ bound: Int) -> Int {
        let range = UInt64(Swift.max(bound, 1))
        var product = next().multipliedFullWidth(by: range)
        if product.low < range {
            let threshold = (0 &- range) % range
            while product.low < threshold { product = next().multipliedFullWidth(by: range) }
        }
        return Int(product.high)
    }

    /// A whole number in `range`, both ends included.
    @inlinable
    public mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.upperBound - range.lowerBound + 1)
    }

    /// A number in `0..<1` with 53 random bits.
    @inlinable
    public mutating func unit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// An exponentially distributed number with this mean: the time between two events of a Poisson process.
    public mutating func exponential(mean: Double) -> Double {
        -mean * log1p(-unit())
    }

    /// Puts `elements` into a random order; every order is equally likely (Fisher and Yates, in Durstenfeld's form).
    @inlinable
    public mutating func permute<Element>(_ elements: inout [Element]) {
        var last = elements.count - 1
        while last > 0 {
            elements.swapAt(last, below(last + 1))
            last -= 1
        }
    }
}
