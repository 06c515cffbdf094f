internal import Placement

/// Spreads what would otherwise happen to many viewers at once.
struct Jitter {
    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    mutating func next(below bound: UInt64) -> UInt64 {
        bound == 0 ? 0 : generator.next() % bound
    }
}
