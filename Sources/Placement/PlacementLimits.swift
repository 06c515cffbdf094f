/// The numbers behind bounded load and overflow.
///
/// Bounded load: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018. Theirs
/// is one bound c × mean for all. Alone it would split cold channels: a Reader at its bound turns away the next viewer
/// of *every* channel, and each of thousands of small channels then costs a second subscription. So hot channels give
/// way first: a channel takes at most a part of a Reader, and over `shedFactor` × mean the hottest channels are full
/// while the cold ones stay welcome up to `loadFactor` × mean.
public struct PlacementLimits: Hashable, Sendable {
    /// c: no Reader over c × the mean number of connections. Above 1.
    public var loadFactor: Double
    /// Over this × mean a Reader's hottest channels are full. Between 1 and `loadFactor`.
    public var shedFactor: Double
    /// The part of the mean number of connections that one channel may take on one Reader. Above 0.
    public var partFraction: Double
    /// A channel is never full below this number of viewers on a Reader. At least 1.
    public var partMin: Int
    /// A Reader with fewer connections than this is never too loaded: means of tiny numbers say nothing.
    public var loadMin: Int
    /// The most channels that a Reader announces as full, the hottest first.
    public var fullChannelsMax: Int
    /// Redirects after which a Reader serves whoever comes.
    public var hopsMax: Int

    public static let standard = PlacementLimits()

    public init(
        loadFactor: Double = 1.25, shedFactor: Double = 1.125, partFraction: Double = 0.5, partMin: Int = 20,
        loadMin: Int = 100, fullChannelsMax: Int = 256, hopsMax: Int = 2
    ) {
        self.loadFactor = loadFactor
        self.shedFactor = shedFactor
        self.partFraction = partFraction
        self.partMin = partMin
        self.loadMin = loadMin
        self.fullChannelsMax = fullChannelsMax
        self.hopsMax = hopsMax
    }

    /// The most connections of a Reader when the Readers hold `mean` each.
    public func connectionsMax(mean: Double) -> Int {
        max(loadMin, Int((loadFactor * mean).rounded(.up)))
    }

    /// The connections over which a Reader's hottest channels are full.
    public func shedAbove(mean: Double) -> Int {
        max(loadMin, Int((shedFactor * mean).rounded(.up)))
    }

    /// The most viewers of one channel on one Reader, as long as another Reader has room.
    public func partMax(mean: Double) -> Int {
        max(partMin, Int((partFraction * mean).rounded(.up)))
    }
}

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
