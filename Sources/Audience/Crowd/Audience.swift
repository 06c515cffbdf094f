internal import Glibc
internal import Placement

/// Who watches what: a number of viewers for each channel, always the same for the same specification, size and seed.
///
/// Viewers are numbered from 0, channel by channel: `0..<viewers[0]` watch channel 0, the next `viewers[1]` channel 1.
/// Every shard of a swarm makes the whole audience and takes its own part of it (``Shard``).
public struct Audience: Equatable, Sendable {
    public static let channelsMax = 1_000_000
    public static let viewersMax = 100_000_000

    public let spec: AudienceSpec
    public let seed: UInt64
    /// Viewers of each channel; the sum is exactly the number that was asked for.
    public let viewers: [Int]
    /// Viewers of all channels.
    public let total: Int
    /// In front of the names of all videos, so that two swarms on the same servers have channels of their own; empty,
    /// or characters that a video id may have.
    public var channelPrefix = ""
    /// The viewers that come together to the first channel, its last ones.
    public let crowd: Range<Int>
    /// First viewer of each channel, and the number of viewers as one more entry.
    let starts: [Int]
    /// As a trace has them; `nil`: made from the numbers.
    let names: Names?

    struct Names: Equatable, Sendable {
        /// Of each channel.
        var videos: [String]
        /// Of each viewer, and then of those who only write.
        var users: [String]
    }

    /// - Parameters:
    ///   - channels: 1 to ``channelsMax``.
    ///   - viewers: 1 to ``viewersMax``. With fewer viewers than channels some channels have none.
    ///   - seed: decides about `reference`; the other shapes are computed without a draw, and the seed only
    ///     decides about the Readers of viewers and about comments.
    ///   - crowdShare: part of the viewers that are taken out of the shape and added to the first channel; `nil`: as the
    ///     shape says, `flash` alone has such a crowd.
    public init(
        _ spec: AudienceSpec, channels: Int, viewers: Int, seed: UInt64, crowdShare: Double? = nil
    ) throws(InvalidParameter) {
        try Audience.check("streams", channels, max: Audience.channelsMax)
        try Audience.check("viewers", viewers, max: Audience.viewersMax)
        self.spec = spec
        self.seed = seed
        let share = if case .flash(let share) = spec { share } else { 0.0 }
        let crowd = Int((Double(viewers) * (crowdShare ?? share)).rounded())
        var sizes = Audience.sizes(spec, channels: channels, viewers: viewers - crowd, seed: seed)
        sizes[0] += crowd
        self.crowd = (sizes[0] - crowd)..<sizes[0]
        self.viewers = sizes
        starts = Audience.starts(sizes)
        total = viewers
        names = nil
    }

    /// Of a trace.
    init(counted sizes: [Int], names: Names) {
        (spec, seed, crowd, self.names) = (.trace, 1, 0..<0, names)
        viewers = sizes
        starts = Audience.starts(sizes)
        total = sizes.reduce(0, +)
    }

    private static func starts(_ sizes: [Int]) -> [Int] {
        sizes.reduce(into: [0]) { starts, size in starts.append(starts[starts.count - 1] + size) }
    }

    private static func check(_ name: String, _ value: Int, max: Int) throws(InvalidParameter) {
        guard (1...max).contains(value) else {
            throw InvalidParameter(name: name, value: String(value), expected: "a number from 1 to \(max)")
        }
    }

    private static func sizes(_ spec: AudienceSpec, channels: Int, viewers: Int, seed: UInt64) -> [Int] {
        switch spec {
        case .uniform, .flash, .trace:
            return Apportionment.share(viewers, weights: Array(repeating: 1, count: channels), minimum: 1)
        case .reference:
            return ReferenceTiers.viewers(channels: channels, viewers: viewers, seed: seed)
        case .zipf(let exponent):
            let weights = (1...channels).map { pow(Double($0), -exponent) }
            return Apportionment.share(viewers, weights: weights, minimum: 1)
        }
    }
}
