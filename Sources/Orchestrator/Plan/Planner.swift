import Audience
import Placement

/// What one placement needs, or why no number of Readers suffices.
struct PlanAnswer: Equatable, Sendable {
    var placement: PlacementStrategy
    /// The smallest number that holds every limit with one of them lost, or the number that was asked about; `nil` when none
    /// up to ``Planner/readersMax`` does.
    var readers: Int?
    /// `nil` when no number suffices.
    var redisNodes: Int?
    /// One more than needed.
    var commentAPIs: Int
    /// With one Reader lost; of the largest number that was tried where none suffices.
    var demand: PlanDemand
    var limits: [PlanLimit]
    /// With one Reader less this is what does not hold: what the number comes from.
    var decidedBy: [PlanLimit.Name]
    /// How many times the comments are too many, and for what, with one Reader lost; `nil` when a hundred times are not.
    var breaksFirst: Break?
    /// Cores that the busiest Reader will use: it writes more often than it must.
    var coresUsed: Double
    /// Seconds in which the others can take the viewers of the lost Reader, if they did nothing else.
    var takeOverSeconds: Double
    /// What of it nobody has measured.
    var beyondMeasured: [String]

    struct Break: Equatable, Sendable {
        var factor: Double
        var limit: PlanLimit.Name
    }

    var holds: Bool { readers != nil && redisNodes != nil && failing.isEmpty }
    var failing: [PlanLimit] { limits.filter { !$0.holds } }
    /// The one with the least left.
    var tightest: PlanLimit? { limits.min { $0.headroom < $1.headroom } }
}

/// Finds the smallest number of Readers.
struct Planner {
    var model: PlanModel
    let limits: PlanLimits

    static let readersMax = 1_000

    /// - Parameter given: a number to look at, instead of the smallest.
    mutating func answer(_ placement: PlacementStrategy, readers given: Int? = nil) -> PlanAnswer {
        let readers = given ?? smallest(placement)
        let demand = model.demand(placement, readers: (readers ?? Planner.readersMax) - 1)
        let nodes = limits.nodes(demand)
        let all = { [limits] in limits.readers($0) + limits.redis($0, nodes: nodes ?? PlanLimits.nodesMax) }
        let less = readers.map { $0 > 2 ? limits.readers(model.demand(placement, readers: $0 - 2)) : [] } ?? []
        let lost = demand.viewers * limits.costs.reader.connectCPUMicroseconds / 1e6
        return PlanAnswer(
            placement: placement, readers: readers, redisNodes: nodes,
            commentAPIs: limits.commentAPIs(demand.commentsPerSecond), demand: demand, limits: all(demand),
            decidedBy: less.filter { !$0.holds }.map(\.name), breaksFirst: breaksFirst(demand, all),
            coresUsed: limits.model.predict(demand.busiest.channels, connections: demand.busiest.connections).cores,
            takeOverSeconds: lost / Double(max(1, demand.readers * limits.host.cores)),
            beyondMeasured: limits.beyondMeasured(demand))
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

    private func breaksFirst(_ demand: PlanDemand, _ limits: (PlanDemand) -> [PlanLimit]) -> PlanAnswer.Break? {
        var (low, high) = (1.0, 100.0)
        guard limits(demand).allSatisfy(\.holds), !limits(demand.times(high)).allSatisfy(\.holds) else { return nil }
        for _ in 0..<20 {
            let middle = (low * high).squareRoot()
            if limits(demand.times(middle)).allSatisfy(\.holds) { low = middle } else { high = middle }
        }
        return limits(demand.times(high)).first { !$0.holds }.map { .init(factor: low, limit: $0.name) }
    }
}
