internal import Placement

/// How an audience changes while comments are written: every part of it is drawn from the audience's seed.
public struct Moves: Codable, Equatable, Sendable {
    /// Part of the viewers that leave each minute; another viewer of the same channel comes for each.
    public var churn = 0.0
    /// Part of the viewers that change to another channel each minute, drawn as the audience is distributed.
    public var zaps = 0.0
    /// A crowd that comes to the first channel in time.
    public var flash: FlashCrowd?

    public init() {}

    public var isNone: Bool { self == Moves() }

    /// As a command line takes them.
    public var arguments: [String] {
        var words: [String] = []
        if churn > 0 { words += ["--churn", "\(churn)"] }
        if zaps > 0 { words += ["--zaps", "\(zaps)"] }
        if let flash { words += ["--flash-at", "\(flash)"] }
        return words
    }
}

/// Viewers who all come to one channel at one time.
public struct FlashCrowd: Codable, Equatable, Sendable, CustomStringConvertible {
    /// After publishing began.
    public var seconds: Double
    /// Part of all viewers, between 0 and 1.
    public var share: Double

    public init(seconds: Double, share: Double) { (self.seconds, self.share) = (seconds, share) }

    /// Reads `<seconds>` or `<seconds>:<share>`.
    public static func parse(_ text: String) throws(InvalidParameter) -> FlashCrowd {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map { Double($0) }
        let share = parts.count > 1 ? parts[1] : AudienceSpec.flashShare
        guard let seconds = parts[0], (0...86_400).contains(seconds), let share, share > 0, share < 1 else {
            throw InvalidParameter(
                name: "flash-at", value: text,
                expected: "<seconds> or <seconds>:<share> with a share between 0 and 1, for instance 5:0.3")
        }
        return FlashCrowd(seconds: seconds, share: share)
    }

    public var description: String { "\(seconds):\(share)" }
}

/// The departures and zaps of one shard, one after another: an endless process unless nobody moves.
public struct ViewerMoves: Sequence, IteratorProtocol, Sendable {
    public struct Move: Equatable, Sendable {
        /// Nanoseconds since publishing began.
        public let nanoseconds: UInt64
        /// In `0..<` the shard's viewers: who goes; the next one that watches goes instead where this one does not.
        public let viewer: Int
        /// Where a zapping viewer goes; `nil` for one that leaves to another one of its channel.
        public let channel: Int?
    }

    private let viewers: Int
    private let zapShare: Double
    private let table: AliasTable?
    private var arrivals: Arrivals
    private var draws: Xoshiro256

    public init(_ moves: Moves, _ audience: Audience, shard: Shard = .whole) {
        viewers = shard.viewers(of: audience.total)
        let both = moves.churn + moves.zaps
        zapShare = both > 0 ? moves.zaps / both : 0
        table = AliasTable(weights: audience.viewers.map(Double.init))
        arrivals = Arrivals(
            .poisson, rate: both * Double(viewers) / 60, seed: audience.seed, purpose: "move times \(shard)")
        draws = Xoshiro256(seed: audience.seed, purpose: "moves \(shard)")
    }

    public mutating func next() -> Move? {
        guard viewers > 0, let nanoseconds = arrivals.next() else { return nil }
        let viewer = draws.below(viewers)
        let channel = draws.unit() < zapShare ? table?.draw(using: &draws) : nil
        return Move(nanoseconds: nanoseconds, viewer: viewer, channel: channel)
    }
}
