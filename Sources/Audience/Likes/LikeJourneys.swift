internal import Placement

/// What simulated people do with photos: who likes, who says it twice, who takes it back. Pure: the same seed makes the
/// same journeys.
public struct LikeJourneys: Codable, Equatable, Sendable {
    /// One thing that somebody wants, said once or several times at once.
    public struct Step: Equatable, Sendable {
        public var liked: Bool
        /// 1, or 2 for one who presses twice.
        public var copies: Int
    }

    public var seed: UInt64
    /// Part of the people who take their like back, 0 to 1. A third of those like again.
    public var unlikeShare: Double
    /// Part of the steps that are said twice at once, 0 to 1.
    public var duplicateShare: Double

    public init(seed: UInt64, unlikeShare: Double, duplicateShare: Double) {
        self.seed = seed
        self.unlikeShare = unlikeShare
        self.duplicateShare = duplicateShare
    }

    /// The steps of one person on one photo, one after another; never empty.
    public func steps(photo: Int, user: Int) -> [Step] {
        var random = SplitMix64(seed: StableHash.mix(seed ^ UInt64(photo) << 40) ^ UInt64(user))
        func draw() -> Double { Double(random.next() >> 11) / Double(1 << 53) }
        func step(_ liked: Bool) -> Step { Step(liked: liked, copies: draw() < duplicateShare ? 2 : 1) }
        let first = step(true)
        guard draw() < unlikeShare else { return [first] }
        let second = step(false)
        return draw() < 1 / 3.0 ? [first, second, step(true)] : [first, second]
    }
}

/// Which photo the next person likes. Pure.
public struct PhotoChoice: Sendable {
    /// 1 or more.
    public let photos: Int
    /// Part of all likes that go to the first photo, 0 to 1; the others share the rest.
    public let hotShare: Double
    private var random: SplitMix64

    public init(photos: Int, hotShare: Double, seed: UInt64) {
        self.photos = max(1, photos)
        self.hotShare = hotShare
        random = SplitMix64(seed: StableHash.mix(seed))
    }

    public mutating func next() -> Int {
        guard photos > 1 else { return 0 }
        if Double(random.next() >> 11) / Double(1 << 53) < hotShare { return 0 }
        return 1 + Int(random.next() % UInt64(photos - 1))
    }
}
