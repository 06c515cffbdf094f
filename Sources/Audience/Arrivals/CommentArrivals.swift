internal import Placement

/// Comments to be written: when, to which channel, and by whom.
///
/// Comments follow viewers: the channel is drawn in proportion to its viewers, the writer is one of them. All shards
/// together make `rate` comments a second; each draws its own, and independent Poisson processes add up to one.
public struct CommentArrivals: Sequence, IteratorProtocol, Sendable {
    public struct Comment: Equatable, Sendable {
        /// Nanoseconds since the start of publishing.
        public let nanoseconds: UInt64
        public let channel: Int
        /// A viewer of the channel.
        public let viewer: Int
    }

    private let audience: Audience
    private let table: AliasTable?
    private var arrivals: Arrivals
    private var draws: Xoshiro256

    /// - Parameter rate: comments a second of all shards together.
    public init(_ audience: Audience, rate: Double, shard: Shard = .whole, process: Arrivals.Process = .poisson) {
        self.audience = audience
        table = AliasTable(weights: audience.viewers.map(Double.init))
        arrivals = Arrivals(
            process, rate: rate / Double(shard.count), seed: audience.seed, purpose: "comment times \(shard)",
            phase: Double(shard.index + 1) / Double(shard.count))
        draws = Xoshiro256(seed: audience.seed, purpose: "comment channels \(shard)")
    }

    public mutating func next() -> Comment? {
        guard let table, let nanoseconds = arrivals.next() else { return nil }
        let channel = table.draw(using: &draws)
        let viewers = audience.viewers(ofChannel: channel)
        return Comment(
            nanoseconds: nanoseconds, channel: channel, viewer: viewers.lowerBound + draws.below(viewers.count))
    }
}
