internal import Report

/// What the audit found. All counts are sums over viewers.
public struct DeliveryCounts: Codable, Equatable, Sendable {
    /// Viewers that got a `connected` event.
    public var joined = 0
    /// Viewers that left again, and whose places others took.
    public var departed = 0
    /// Later `connected` events of the same viewers.
    public var reconnects = 0
    /// Offsets that arrived, each counted once.
    public var delivered = 0
    /// Deliveries that were owed: for each acknowledged comment the viewers that had joined in front of it. Counted from
    /// the acknowledgements, whatever arrived. 0 before the verdict.
    public var expected = 0
    /// Part of ``delivered``: what viewers got that left too soon after it was sent to be owed it.
    public var notOwed = 0
    /// Offsets that were owed, never came, and that no gap event named.
    public var lost = 0
    /// Events that had arrived before, or that a gap had named.
    public var repeated = 0
    /// Events that arrived behind a later one.
    public var reordered = 0
    /// Offsets that gap events named.
    public var toldMissing = 0
    /// Comments with another text than was acknowledged for their place, or than another viewer got.
    public var altered = 0
    /// Messages without a readable position, and comments that nobody wrote.
    public var foreign = 0
    /// Gap events.
    public var gaps = 0
    /// New epochs that no gap announced.
    public var epochBreaks = 0
    /// Connections that brought nothing for too long, not even a heartbeat.
    public var silent = 0
    /// Part of ``lost``: offsets that viewers had not come to when the audit ended. A service that is merely behind
    /// has all of its losses here.
    public var unreached = 0
    /// Viewers that did not reach the last acknowledged position.
    public var viewersShort = 0
    /// Missing offsets beyond the memory of the audit: had they come late, they would count as repeated.
    public var missingNotRemembered = 0

    public init() {}

    /// Nothing lost, repeated, reordered or altered, nothing foreign, and no unannounced epoch. What a gap named is a
    /// failure only where the scenario does not allow for it.
    public var isClean: Bool { findings.allSatisfy { $0.count == 0 } }

    /// Everything that must not be.
    public var findings: [(count: Int, name: String)] {
        [
            (lost, "lost"), (repeated, "repeated"), (reordered, "out of order"), (altered, "altered"),
            (foreign, "written by nobody"), (epochBreaks, "unannounced new histories"),
            (silent, "silent for too long"),
            (unaccounted, "unaccounted for"),
        ]
    }

    /// The same in words, for instance `3 lost, 1,000 out of order`; empty when all is well.
    public var problems: String {
        findings.filter { $0.count > 0 }.map { "\(Format.grouped($0.count)) \($0.name)" }.joined(separator: ", ")
    }

    /// Deliveries that were owed and that stand neither among the delivered nor among the missing ones.
    public var unaccounted: Int { max(0, expected - (delivered - notOwed) - toldMissing - lost) }

    /// Those of another part of a swarm.
    public mutating func add(_ other: DeliveryCounts) {
        for field in DeliveryCounts.fields { self[keyPath: field] += other[keyPath: field] }
    }

    private static let fields: [any WritableKeyPath<DeliveryCounts, Int> & Sendable] = [
        \.joined, \.departed, \.reconnects, \.notOwed, \.delivered, \.expected, \.lost, \.repeated, \.reordered,
        \.toldMissing, \.gaps,
        \.altered, \.foreign, \.epochBreaks, \.silent, \.unreached, \.viewersShort, \.missingNotRemembered,
    ]
}
