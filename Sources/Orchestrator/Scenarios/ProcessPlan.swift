import Primitives
import Testbed

/// How many descriptors a process may hold.
struct DescriptorLimits: Equatable, Sendable {
    /// What each process may raise its own limit to.
    var perProcess: Int

    /// For logs, Redis, listeners, and whatever else is not a viewer.
    static let reserve = 2_000

    /// Viewers that one process can hold: a tenth is kept free on small limits.
    var viewersPerProcess: Int { max(perProcess - min(DescriptorLimits.reserve, perProcess / 10), 1) }

    static func ofThisProcess() -> DescriptorLimits { DescriptorLimits(perProcess: DescriptorLimit.maximum) }
}

/// How many processes a run needs.
struct ProcessPlan: Codable, Equatable, Sendable {
    var readers: Int
    var commentAPIs: Int
    var swarms: Int
    /// The number of viewers that the fullest Reader may be expected to hold.
    var viewersOnFullestReader: Int

    /// One swarm process for each `viewersPerProcess` viewers, or as many as were asked for.
    init(_ settings: RunSettings, limits: DescriptorLimits) {
        readers = settings.readers
        commentAPIs = settings.commentAPIs
        let needed = (settings.viewers + limits.viewersPerProcess - 1) / limits.viewersPerProcess
        swarms = settings.preset == .seed ? 0 : settings.swarms ?? needed
        viewersOnFullestReader = ProcessPlan.fullest(viewers: settings.viewers, readers: settings.readers)
    }

    /// The mean and five standard deviations of the binomial distribution: chance goes beyond that in less than one of a
    /// million runs.
    static func fullest(viewers: Int, readers: Int) -> Int {
        guard readers > 1 else { return viewers }
        let share = 1 / Double(readers)
        let mean = Double(viewers) * share
        return min(viewers, Int((mean + 5 * (mean * (1 - share)).squareRoot()).rounded(.up)))
    }

    /// Why these settings do not fit on this machine; empty when they do.
    static func problems(with settings: RunSettings, limits: DescriptorLimits) -> [String] {
        let plan = ProcessPlan(settings, limits: limits)
        let room = limits.viewersPerProcess
        var problems: [String] = []
        if plan.viewersOnFullestReader > room {
            let enough = (settings.readers...max(100, settings.readers)).first {
                fullest(viewers: settings.viewers, readers: $0) <= room
            }
            let advice = enough.map { "take at least \($0) Readers, or raise" } ?? "raise"
            problems.append(
                "--readers \(settings.readers): \(settings.viewers) viewers do not fit, a Reader holds \(room) connections"
                    + " (descriptors: \(limits.perProcess)); \(advice) the limit ('ulimit -Hn')")
        }
        if plan.swarms > 0, (settings.viewers + plan.swarms - 1) / plan.swarms > room {
            problems.append(
                "--swarms \(plan.swarms): one swarm process holds \(room) viewers (descriptors: \(limits.perProcess))")
        }
        if plan.swarms > 64 {
            problems.append("--viewers \(settings.viewers): would need \(plan.swarms) swarm processes; 64 are the most")
        }
        return problems
    }
}
