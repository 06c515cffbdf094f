import Placement

/// What one placement needs, or why no number of Readers suffices.
struct PlanAnswer: Codable, Equatable, Sendable {
    var placement: PlacementStrategy
    /// The smallest number that holds every limit with one of them lost; `nil` when none up to ``Planner/readersMax`` does.
    var readers: Int?
    /// `nil` when no number suffices.
    var redisNodes: Int?
    /// With one Reader lost; of the largest number that was tried where none suffices.
    var demand: PlanDemand
    var limits: [PlanLimit]
    /// With one Reader less this is what does not hold: what the number comes from.
    var decidedBy: [PlanLimit.Name]
    /// Seconds in which the others can take the viewers of the lost Reader, if they did nothing else.
    var takeOverSeconds: Double

    var holds: Bool { readers != nil && redisNodes != nil }
    var failing: [PlanLimit] { limits.filter { !$0.holds } }
    /// The one with the least left.
    var tightest: PlanLimit? { limits.min { $0.headroom < $1.headroom } }
}

/// Finds the smallest number of Readers.
struct Planner {
    var model: PlanModel
    let limits: PlanLimits

    static let readersMax = 1_000

    mutating func answer(_ placement: PlacementStrategy) -> PlanAnswer {
        guard let readers = smallest(placement) else {
            return answer(placement, readers: nil, demand: model.demand(placement, readers: Planner.readersMax - 1))
        }
        return answer(placement, readers: readers, demand: model.demand(placement, readers: readers - 1))
    }

    private mutating func holds(_ placement: PlacementStrategy, _ readers: Int) -> Bool {
        limits.readers(model.demand(placement, readers: readers - 1)).allSatisfy(\.holds)
    }

    /// Doubles until it holds, and then halves the distance. Placement by name is not quite even: one Reader more can, by the
    /// luck of the names, hold less. So a few numbers below what was found are tried, too.
    private mutating func smallest(_ placement: PlacementStrategy) -> Int? {
        var (fails, high) = (1, 2)
        while !holds(placement, high) {
            guard high < Planner.readersMax else { return nil }
            fails = high
            high = min(high * 2, Planner.readersMax)
        }
        while high - fails > 1 {
            let middle = (high + fails) / 2
            if holds(placement, middle) { high = middle } else { fails = middle }
        }
        for lower in stride(from: high - 1, through: max(2, high - 4), by: -1) where holds(placement, lower) {
            high = lower
        }
        return high
    }

    private mutating func answer(_ placement: PlacementStrategy, readers: Int?, demand: PlanDemand) -> PlanAnswer {
        let nodes = limits.nodes(demand)
        let all = limits.readers(demand) + limits.redis(demand, nodes: nodes ?? PlanLimits.nodesMax)
        let less = readers.map { $0 > 2 ? limits.readers(model.demand(placement, readers: $0 - 2)) : [] } ?? []
        let lost = demand.viewers * limits.costs.reader.connectCPUMicroseconds / 1e6
        return PlanAnswer(
            placement: placement, readers: readers, redisNodes: nodes, demand: demand, limits: all,
            decidedBy: less.filter { !$0.holds }.map(\.name),
            takeOverSeconds: lost / Double(max(1, demand.readers * limits.host.cores)))
    }
}
