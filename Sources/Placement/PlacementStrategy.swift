/// How viewers are dealt out to Readers.
public enum PlacementStrategy: String, CaseIterable, Codable, Sendable {
    /// Serve whoever comes: the plain design, and the flaw.
    case random
    /// Each Reader in turn, as load balancers do: the same flaw.
    case roundRobin = "round-robin"
    /// The Reader with the fewest connections, as load balancers do: the same flaw.
    case leastConnections = "least-connections"
    /// One Reader a channel: no amplification, and no help for a hot channel.
    case rendezvous
    /// Rendezvous order, and a channel spills to its next Reader when one is full: little amplification, balanced load.
    case overflow

    /// Whether the channel decides about the Reader; if not, the strategy has the flaw.
    public var followsChannel: Bool { self == .rendezvous || self == .overflow }
}

extension PlacementStrategy: CustomStringConvertible {
    public var description: String { rawValue }
}
