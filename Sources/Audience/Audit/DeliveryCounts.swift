/// What the audit found. All counts are sums over viewers.
public struct DeliveryCounts: Codable, Equatable, Sendable {
    /// Viewers that got a `connected` event.
    public var joined = 0
    /// Later `connected` events of the same viewers.
    public var reconnects = 0
    /// Offsets that arrived, each counted once.
    public var delivered = 0
    /// Offsets that were owed: delivered + told missing + lost. 0 before the verdict.
    public var expected = 0
    /// Offsets that were owed, never came, and that no gap event named.
    public var lost = 0
    /// Events that had arrived before, or that a gap had named.
    public var repeated = 0
    /// Events that arrived behind a later one.
    public var reordered = 0
    /// Offsets that gap events named.
    public var toldMissing = 0
    /// Gap events.
    public var gaps = 0
    /// New epochs that no gap announced.
    public var epochBreaks = 0
    /// Part of ``lost``: offsets that viewers had not come to when the audit ended. A service that is merely behind
    /// has all of its losses here.
    public var unreached = 0
    /// Viewers that did not reach the last acknowledged position.
    public var viewersShort = 0
    /// Missing offsets beyond the memory of the audit: had they come late, they would count as repeated.
    public var missingNotRemembered = 0

    public init() {}

    /// Nothing lost, repeated or reordered, and no unannounced epoch. What a gap named is a failure only where the
    /// scenario does not allow for it.
    public var isClean: Bool { lost == 0 && repeated == 0 && reordered == 0 && epochBreaks == 0 }

    /// The sum of two parts of a swarm.
    public func merged(with other: DeliveryCounts) -> DeliveryCounts {
        var sum = self
        for field in DeliveryCounts.fields { sum[keyPath: field] += other[keyPath: field] }
        return sum
    }

    private static let fields: [any WritableKeyPath<DeliveryCounts, Int> & Sendable] = [
        \.joined, \.reconnects, \.delivered, \.expected, \.lost, \.repeated, \.reordered, \.toldMissing, \.gaps,
        \.epochBreaks, \.unreached, \.viewersShort, \.missingNotRemembered,
    ]
}
