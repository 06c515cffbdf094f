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

/// What one viewer of a shard does while comments are written.
public struct ViewerMove: Equatable, Sendable {
    public enum Action: Equatable, Sendable {
        /// Leaves, and another one comes to the same channel.
        case replaced
        /// Changes to another channel.
        case zaps(Int)
        /// Comes, to this channel; `nil`: its own.
        case joins(Int?)
        case leaves
    }

    /// Nanoseconds since publishing began.
    public let nanoseconds: UInt64
    /// In `0..<` the shard's viewers. Who is replaced or zaps is the next one that watches where this one does not.
    public let viewer: Int
    public let action: Action

    public init(nanoseconds: UInt64, viewer: Int, action: Action) {
        (self.nanoseconds, self.viewer, self.action) = (nanoseconds, viewer, action)
    }
}

/// The moves of one shard, one after another: an endless process unless nobody leaves or zaps.
public struct ViewerMoves: Sequence, IteratorProtocol, Sendable {
    private let viewers: Int
    private let zapShare: Double
    private let table: AliasTable?
    private var arrivals: Arrivals
    private var draws: Xoshiro256
    private var following: ViewerMove?
    /// Of the flash crowd.
    private var coming: ArraySlice<ViewerMove>

    public init(_ moves: Moves, _ audience: Audience, shard: Shard = .whole) {
        viewers = shard.viewers(of: audience.total)
        let both = moves.churn + moves.zaps
        zapShare = both > 0 ? moves.zaps / both : 0
        table = AliasTable(weights: audience.viewers.map(Double.init))
        arrivals = Arrivals(
            .poisson, rate: both * Double(viewers) / 60, seed: audience.seed, purpose: "move times \(shard)")
        draws = Xoshiro256(seed: audience.seed, purpose: "moves \(shard)")
        let time = UInt64((moves.flash?.seconds ?? 0) * 1e9)
        let crowd = moves.flash == nil ? 0..<0 : audience.crowd(of: shard)
        coming = crowd.map { ViewerMove(nanoseconds: time, viewer: $0, action: .joins(nil)) }[...]
        following = draw()
    }

    public mutating func next() -> ViewerMove? {
        if let first = coming.first, first.nanoseconds <= following?.nanoseconds ?? .max { return coming.removeFirst() }
        defer { following = draw() }
        return following
    }

    private mutating func draw() -> ViewerMove? {
        guard viewers > 0, let nanoseconds = arrivals.next() else { return nil }
        let viewer = draws.below(viewers)
        let channel = draws.unit() < zapShare ? table?.draw(using: &draws) : nil
        return ViewerMove(
            nanoseconds: nanoseconds, viewer: viewer, action: channel.map(ViewerMove.Action.zaps) ?? .replaced)
    }
}

extension Audience {
    /// The crowd's part of a shard, by the shard's own numbers: the end of the first channel, and so a run of them.
    public func crowd(of shard: Shard) -> Range<Int> {
        func before(_ viewer: Int) -> Int { (viewer - shard.index + shard.count - 1) / shard.count }
        return before(crowd.lowerBound)..<before(crowd.upperBound)
    }
}
