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

    /// Reads the name as `PLACEMENT` and `--placement` carry it, for instance `least-connections`.
    public static func parse(_ text: String) throws(InvalidParameter) -> PlacementStrategy {
        guard let strategy = PlacementStrategy(rawValue: text) else {
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            throw InvalidParameter(name: "placement", value: text, expected: "one of \(names)")
        }
        return strategy
    }

    /// Reads names separated by commas; none twice.
    public static func parseList(_ text: String) throws(InvalidParameter) -> [PlacementStrategy] {
        var strategies: [PlacementStrategy] = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            let strategy = try parse(String(name))
            if !strategies.contains(strategy) { strategies.append(strategy) }
        }
        return strategies
    }
}

extension PlacementStrategy: CustomStringConvertible {
    public var description: String { rawValue }
}
