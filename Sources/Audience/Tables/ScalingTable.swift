public import Placement

/// What each placement costs at each number of Readers: the answer of `Orchestrator predict`.
///
/// Closed forms where there are any; rendezvous and overflow are computed from the names of channels and Readers, as
/// the service would place them. Linear in channels × Readers: 90,000 channels, 2,000,000 viewers and 3 to 100 Readers
/// take seconds.
public struct ScalingTable: Codable, Equatable, Sendable {
    public struct Row: Codable, Equatable, Sendable {
        public var strategy: PlacementStrategy
        public var outcome: SpreadOutcome
    }

    public let audience: AudienceSpec
    public let channels: Int
    public let viewers: Int
    public let seed: UInt64
    /// By number of Readers, then by strategy, both in the order that was asked for.
    public let rows: [Row]

    /// - Parameter readers: numbers of Readers; those below 1 are left out.
    public init(
        _ audience: Audience, readers: some Sequence<Int>, strategies: [PlacementStrategy],
        limits: PlacementLimits = .standard
    ) {
        self.audience = audience.spec
        channels = audience.channels
        viewers = audience.total
        seed = audience.seed
        let sizes = audience.sizes
        let simulation = audience.simulation(limits: limits)
        var leaders = simulation.makeLeaders()
        rows = readers.filter { $0 > 0 }.flatMap { count in
            let names = AssignmentSimulation.readerNames(count)
            return strategies.compactMap { strategy in
                let outcome =
                    strategy.followsChannel
                    ? simulation.assign(strategy, readers: names, leaders: &leaders).outcome()
                    : SpreadModel.predict(strategy, sizes: sizes, readers: count)
                return outcome.map { Row(strategy: strategy, outcome: $0) }
            }
        }
    }
}
