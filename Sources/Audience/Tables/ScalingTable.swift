public import Placement

/// What each placement costs at each number of Readers: the answer of `Orchestrator predict`.
///
/// Closed forms where there are any; rendezvous and overflow are computed from the names of channels and Readers, as
/// the service would place them. Linear in channels × Readers: 90,000 channels, 2,000,000 viewers and 3 to 100 Readers
/// take seconds.
public struct ScalingTable: Equatable, Sendable {
    public struct Row: Equatable, Sendable {
        public var strategy: PlacementStrategy
        public var outcome: SpreadOutcome
    }

    /// By number of Readers, then by strategy, both in the order that was asked for.
    public let rows: [Row]

    /// - Parameter readers: numbers of Readers; those below 1 are left out.
    public init(_ audience: Audience, readers: some Sequence<Int>, strategies: [PlacementStrategy]) {
        let sizes = audience.sizes
        let simulation = audience.simulation()
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
