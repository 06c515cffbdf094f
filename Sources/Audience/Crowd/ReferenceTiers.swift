internal import Placement

/// The reference audience: 100 channels and 2,500 viewers, and the same shape at other sizes.
///
/// There one channel has 200-300 viewers, five have 50-100, the others 1-20, and the last takes whoever is left. In
/// means of 25 viewers a channel that is 8-12, 2-4 and 0.04-0.8 means; a hundredth of the channels is large and a
/// twentieth is medium. Other sizes keep these proportions: at least one large channel, medium ones from 10 channels
/// on. Where the tiers would ask for more than three quarters of the viewers (few channels), they are scaled down to that,
/// so that the last channel still is what it is in the reference: a crowd.
enum ReferenceTiers {
    /// Viewers of each channel; the sum is `viewers`, and nobody has none while there are as many viewers as channels.
    static func viewers(channels: Int, viewers: Int, seed: UInt64) -> [Int] {
        guard channels > 1 else { return channels == 1 ? [viewers] : [] }
        guard viewers >= 2 * channels else { return Apportionment.share(viewers, weights: ones(channels), minimum: 1) }
        var draws = Xoshiro256(seed: seed, purpose: "reference audience")
        let mean = Double(viewers) / Double(channels)
        let large = max(1, channels / 100)
        let medium = (channels + 10) / 20
        var sizes: [Int] = (0..<channels - 1).map { channel in
            if channel < large { return draw(200...300, mean: mean, &draws) }
            if channel < large + medium { return draw(50...100, mean: mean, &draws) }
            return draw(1...20, mean: mean, &draws)
        }
        // The others keep three quarters at most, and one viewer is enough for a channel to be watched.
        let most = max(viewers * 3 / 4, channels - 1)
        if sizes.reduce(0, +) > most {
            sizes = Apportionment.share(most, weights: sizes.map(Double.init), minimum: 1)
        }
        return sizes + [viewers - sizes.reduce(0, +)]
    }

    /// A draw from a tier of the reference, scaled from its mean of 25 viewers a channel to `mean`; at least 1.
    private static func draw(_ tier: ClosedRange<Int>, mean: Double, _ draws: inout Xoshiro256) -> Int {
        let scale = mean / 25
        let low = max(1, Int((Double(tier.lowerBound) * scale).rounded()))
        let high = max(low, Int((Double(tier.upperBound) * scale).rounded()))
        return draws.within(low...high)
    }

    private static func ones(_ count: Int) -> [Double] { Array(repeating: 1, count: count) }
}
