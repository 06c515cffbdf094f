/// Which channels a Reader announces as full.
public enum FullChannels {
    /// Names of the channels that should take no more viewers here, the hottest first.
    ///
    /// A channel is full at its part of a Reader (``PlacementLimits/partMax(mean:)``). A Reader that holds more than
    /// ``PlacementLimits/shedAbove(mean:)`` lowers that mark until the viewers above it, taken together, are its
    /// excess: `Σ max(0, n - mark) = excess`. Nobody is moved; the channels over the mark only stop growing here.
    ///
    /// - Parameters:
    ///   - viewers: this Reader's viewers of each channel.
    ///   - connections: this Reader's connections.
    ///   - mean: mean number of connections of the Readers that take viewers.
    public static func names(
        viewers: some Sequence<(channel: String, viewers: Int)>, connections: Int, mean: Double,
        limits: PlacementLimits = .standard
    ) -> [String] {
        var hot = viewers.filter { $0.viewers >= limits.partMin }
        hot.sort { $0.viewers == $1.viewers ? $0.channel < $1.channel : $0.viewers > $1.viewers }
        let excess = connections - limits.shedAbove(mean: mean)
        let mark = mark(sorted: hot.map(\.viewers), excess: excess, limits: limits)
        let full = min(limits.partMax(mean: mean), mark)
        return hot.prefix { $0.viewers >= full }.prefix(limits.fullChannelsMax).map(\.channel)
    }

    /// The mark over which there are `excess` viewers, in channels sorted from the largest; at least `partMin`.
    static func mark(sorted: [Int], excess: Int, limits: PlacementLimits) -> Int {
        guard excess > 0 else { return .max }
        var sum = 0
        for (index, viewers) in sorted.enumerated() {
            sum += viewers
            let next = index + 1 < sorted.count ? sorted[index + 1] : 0
            // With the mark at `next` these channels would give sum - (index + 1) * next.
            if sum - (index + 1) * next >= excess {
                return max(limits.partMin, (sum - excess) / (index + 1))
            }
        }
        return limits.partMin
    }
}
