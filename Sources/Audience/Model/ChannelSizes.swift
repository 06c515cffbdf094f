/// An audience as the model sees it: how many channels have how many viewers.
///
/// Closed forms need only this table. 90,000 channels of a Zipf audience have fewer than a thousand different sizes,
/// which is what makes a table over a hundred numbers of Readers cheap.
public struct ChannelSizes: Equatable, Sendable {
    /// All channels with the same number of viewers.
    public struct Group: Equatable, Sendable {
        /// Viewers of each of these channels, at least 1.
        public let viewers: Int
        public fileprivate(set) var channels: Int
    }

    /// Smallest channels first.
    public let groups: [Group]
    /// Channels that somebody watches.
    public let channels: Int
    /// Viewers of all channels.
    public let viewers: Int
    /// Σ n² over the channels.
    public let squaredViewers: Double

    /// - Parameter viewers: viewers of each channel; channels without viewers are left out.
    public init(viewers: some Sequence<Int>) {
        var bySize: [Int: Group] = [:]
        for count in viewers where count > 0 {
            bySize[count, default: Group(viewers: count, channels: 0)].channels += 1
        }
        groups = bySize.values.sorted { $0.viewers < $1.viewers }
        channels = groups.reduce(0) { $0 + $1.channels }
        self.viewers = groups.reduce(0) { $0 + $1.channels * $1.viewers }
        squaredViewers = groups.reduce(0) { $0 + Double($1.channels) * Double($1.viewers) * Double($1.viewers) }
    }
}
